"""MQTT 3.1.1 for MicroPython: import what you need, `from mqtt.client import Client`."""

# MicroPython's manifest, to freeze the library: include("lib/mqtt"), or some of it by
# include("lib/mqtt", parts="client tls"). No module of the library: a board doesn't need it.
# ruff: noqa: F821
# pyright: reportUndefinedVariable=false

metadata(description="MQTT 3.1.1 client: asyncio, and blocking as umqtt", version="0.1.0")

ALWAYS = ("__init__", "topic", "packet", "session", "advice", "large")
ASYNCIO = ("client", "router", "sender", "transport")
PARTS = {
    "client": ASYNCIO,
    "tls": ASYNCIO + ("tls",),
    "websocket": ASYNCIO + ("websocket",),
    "simple": ("simple",),
    "robust": ("simple", "robust"),
}

options.defaults(parts=" ".join(PARTS))
names = set(ALWAYS)
for part in options.parts.split():
    names.update(PARTS[part])
package("mqtt", files=[name + ".py" for name in sorted(names)], base_path="..", opt=3)

"""Publishes at QoS 1 over a link that is harmed meanwhile. All of them have to arrive.

    micropython defects_publish.py FRONT PORT NAME COUNT

Topics are NAME/0, NAME/1, ... Nothing helps the client: no timeout is set, no call repeated.
"""

# MicroPython awaits whatever iterates.
# pyright: reportGeneralTypeIssues=false

import sys

HOST = "127.0.0.1"


def robust(port, name, count):
    from mqtt.robust import MQTTClient

    client = MQTTClient(name, HOST, port, keepalive=10)
    client.DEBUG = True
    client.connect(False)
    for i in range(count):
        client.publish("%s/%d" % (name, i), b"payload %d" % i, qos=1)
    client.disconnect()


def asynchronous(port, name, count):
    import asyncio

    from mqtt.client import Client

    client = Client(name, HOST, port, keep_alive=10, clean=False)
    client.on_disconnected = print

    async def work():
        running = asyncio.create_task(client.run())
        # As many at a time as the window holds.
        sent = [client.post("%s/%d" % (name, i), b"payload %d" % i) for i in range(count)]
        for delivery in sent:
            await delivery.wait()
        await client.stop()
        await running

    asyncio.run(work())


fronts = {"robust": robust, "asyncio": asynchronous}
fronts[sys.argv[1]](int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
print("done")

# One measurement on the VM: `micropython task.py {"task": ..., "peer": ..., ...}`.
# Prints "@" and what it found as JSON. Cuts the CPU of start-up out: it looks at the clock itself.

import gc
import json
import sys
import time

given = json.loads(sys.argv[1])
peer = getattr(__import__("peers." + given["peer"]), given["peer"])
HOST = given["host"]
PORT = given["port"]
NAME = given["name"]
TOPIC = given["topic"].encode()
PAYLOAD = b"m" * 20


def cpu():
    # Nanoseconds of CPU so far.
    with open("/proc/self/schedstat") as file:
        return int(file.read().split()[0])


def say(**found):
    print("@" + json.dumps(found))


def rate(seconds=1.0):
    # QoS 1 publishes a second with the window full, for about so long.
    client = peer.open(HOST, PORT, NAME)
    count = 16
    while True:
        begin = time.ticks_us()
        peer.burst(client, TOPIC, PAYLOAD, 1, count)
        took = time.ticks_diff(time.ticks_us(), begin) / 1e6
        if took >= seconds / 2:
            return say(rate=count / took)
        count = int(count * max(2, min(50, seconds / took)))


def cost(seconds=0.3):
    # CPU a publish at QoS 0.
    client = peer.open(HOST, PORT, NAME)
    peer.burst(client, TOPIC, PAYLOAD, 0, 2000)
    gc.collect()
    count = took = 0
    begin = cpu()
    while took < seconds * 1e9:
        peer.burst(client, TOPIC, PAYLOAD, 0, 5000)
        count += 5000
        took = cpu() - begin
    say(us=took / 1000 / count)


seen = 0


# No *rest: making its tuple would be counted.
def on_message(topic, payload, retain=False, dup=False, qos=0):
    global seen
    seen += 1


def receive(count, qos, size):
    # CPU a message received: the host publishes when it reads "ready".
    client = peer.open(HOST, PORT, NAME)
    if given["peer"] == "limit":
        client.size = size
    peer.listen(client, TOPIC, qos, on_message)
    gc.collect()
    print("ready")
    peer.serve(client, lambda: seen < 100)
    gc.collect()
    already = seen
    begin = cpu()
    peer.serve(client, lambda: seen < count)
    say(us=(cpu() - begin) / 1000 / (seen - already))


def connect(ca=None):
    if ca:
        with open(ca, "rb") as file:
            ca = file.read()
    begin = time.ticks_us()
    peer.open(HOST, PORT, NAME, 0, ca)
    say(ms=time.ticks_diff(time.ticks_us(), begin) / 1000)


def first():
    # Connect plus the first QoS 1 publish acknowledged.
    begin = time.ticks_us()
    if hasattr(peer, "first"):
        peer.first(HOST, PORT, NAME, TOPIC, PAYLOAD)
    else:
        peer.publish(peer.open(HOST, PORT, NAME), TOPIC, PAYLOAD, 1)
    say(ms=time.ticks_diff(time.ticks_us(), begin) / 1000)


def alone(count=4, pause=0.3):
    # Single QoS 0 messages on an idle link; each carries when it left.
    client = peer.open(HOST, PORT, NAME)
    for _ in range(count):
        time.sleep(pause)
        peer.publish(client, TOPIC, b"%020d" % time.time_ns(), 0)
    # Time to arrive, before the connection ends with us.
    time.sleep(pause)
    say()


def idle(seconds, keep_alive):
    client = peer.open(HOST, PORT, NAME, keep_alive)
    peer.idle(client, 1)
    gc.collect()
    gc.disable()
    begin = gc.mem_alloc()
    peer.idle(client, seconds)
    say(rate=(gc.mem_alloc() - begin) / seconds)


def payloads(count, pause):
    for i in range(count):
        time.sleep_ms(pause)
        yield b"%d" % i


def persist(count, pause, keep_alive):
    peer.persist(HOST, PORT, NAME, keep_alive, TOPIC, payloads(count, pause))
    say()


globals()[given["task"]](**given.get("options", {}))

"""The inside of a packet-level link: run by link.py as root of a network namespace of its own.

Two namespaces are joined by a pair of tun devices, and this program carries the packets between
them with a delay each way: real TCP from end to end. Mosquitto and a watcher run here, what is
measured runs in the other one. Takes lists of jobs as lines of JSON from stdin and answers each
with a line: {"outputs": {name: text}, "flows": [...], "seen": [[ns, topic, payload]]}.
"""

import ctypes
import fcntl
import heapq
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from broker import mosquitto
from wire import Watcher, split

DELAY_S = 0.025
CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
PORT = 1883
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
PR_SET_TIMERSLACK = 29


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_NO_PI))
    return device


def configure(name, address):
    for command in ("link set lo up", f"addr add {address}/24 dev {name}", f"link set {name} up"):
        subprocess.run(["ip", *command.split()], check=True)


def segment(packet):
    """Returns (ports, sequence number, payload) of an IPv4 packet with TCP, else None."""
    if packet[0] >> 4 != 4 or packet[9] != 6:
        return None
    tcp = (packet[0] & 15) * 4
    end = struct.unpack("!H", packet[2:4])[0]
    data = tcp + (packet[tcp + 12] >> 4) * 4
    ports = struct.unpack("!HH", packet[tcp : tcp + 4])
    return ports, struct.unpack("!I", packet[tcp + 4 : tcp + 8])[0], packet[data:end]


class Flow:
    """What a client's connection has sent."""

    def __init__(self, sequence):
        self.name = ""
        # From CONNACK to the last PUBLISH so far: segments with data, and PUBLISH packets.
        self.segments = self.until_last = self.publishes = 0
        self.answered = False
        # When it was cut, in ns; None while it is whole.
        self.cut = None
        self._next, self._rest = sequence, b""

    def take(self, sequence, data, cut_at):
        self.segments += self.answered
        if sequence != self._next:
            return  # sent again
        self._next = (sequence + len(data)) & 0xFFFFFFFF
        packets, self._rest = split(self._rest + data)
        for first, body in packets:
            if first == 0x10:
                self.name = body[12 : 12 + body[11]].decode()
            elif first >> 4 == 3:
                self.publishes += 1
                self.until_last = self.segments
                if self.publishes == cut_at.get(self.name):
                    # Only its first connection is cut.
                    del cut_at[self.name]
                    self.cut = time.time_ns()

    def told(self):
        return {
            "name": self.name,
            "segments": self.until_last,
            "publishes": self.publishes,
            "cut": self.cut,
        }


class Relay:
    """Carries packets; a flow that was cut is a black hole both ways."""

    def __init__(self, client, server):
        self._client, self._server = client, server
        # By the client's port.
        self._flows = {}
        # By client identifier: the PUBLISH with which its flow is cut.
        self.cut_at = {}

    def take_flows(self):
        flows, self._flows = list(self._flows.values()), {}
        return [flow.told() for flow in flows]

    def run(self):
        queue = []
        count = 0
        while True:
            now = time.monotonic()
            while queue and queue[0][0] <= now:
                _, _, device, packet = heapq.heappop(queue)
                os.write(device, packet)
            wait = max(0, queue[0][0] - now) if queue else 0.2
            for device in select.select([self._client, self._server], [], [], wait)[0]:
                packet = os.read(device, 65536)
                if self._passes(packet, device == self._client):
                    count += 1
                    other = self._server if device == self._client else self._client
                    heapq.heappush(queue, (time.monotonic() + DELAY_S, count, other, packet))

    def _passes(self, packet, outwards):
        found = segment(packet)
        if not found:
            return False
        (source, target), sequence, data = found
        port = source if outwards else target
        flow = self._flows.get(port)
        if flow is None or outwards and packet[33] & 2:  # SYN: a new flow
            flow = self._flows[port] = Flow((sequence + 1) & 0xFFFFFFFF)
        if data and outwards:
            flow.take(sequence, data, self.cut_at)
        elif data:
            flow.answered = True
        return flow.cut is None


def client_side(channel):
    """Runs in the other namespace: commands come over the channel, outputs go back."""
    # The default slack again for what is measured.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 50_000, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    device = tun("tunc")
    configure("tunc", CLIENT)
    socket.send_fds(channel, [b"t"], [device])
    for line in channel.makefile():
        outputs = run_all(**json.loads(line))
        channel.sendall((json.dumps(outputs) + "\n").encode())


def run_all(jobs, folder, env, limit):
    """Runs {name: command} side by side; returns {name: output}."""
    running = {
        name: subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, command in jobs.items()
    }
    end = time.monotonic() + limit
    outputs = {}
    for name, process in running.items():
        try:
            outputs[name], _ = process.communicate(timeout=max(0.01, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            outputs[name], _ = process.communicate()
    return outputs


def serve(relay, channel):
    answers = channel.makefile()
    with tempfile.TemporaryDirectory() as folder:
        nodelay = "set_tcp_nodelay true"
        with mosquitto(folder, SERVER, PORT, more=nodelay) as broker:
            watcher = Watcher((SERVER, PORT))
            print("ready", flush=True)
            for line in sys.stdin:
                request = json.loads(line)
                relay.cut_at = request.pop("cut_at")
                relay.take_flows()
                watcher.seen.clear()
                channel.sendall((json.dumps(request) + "\n").encode())
                outputs = json.loads(answers.readline())
                time.sleep(4 * DELAY_S)  # what is on its way arrives
                seen = [[when, a.decode(), b.decode()] for when, a, b in watcher.seen]
                answer = {"outputs": outputs, "flows": relay.take_flows(), "seen": seen}
                print(json.dumps(answer), flush=True)
            watcher.close()
            assert broker.running


def main():
    # Else the kernel may wake us 50 us late.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    ours, theirs = socket.socketpair()
    if not os.fork():
        ours.close()
        os.setsid()
        client_side(theirs)
        os._exit(0)
    theirs.close()
    _, devices, _, _ = socket.recv_fds(ours, 1, 1)
    server = tun("tuns")
    configure("tuns", SERVER)
    relay = Relay(devices[0], server)
    threading.Thread(target=relay.run, daemon=True).start()
    serve(relay, ours)
    # The other side ends with the channel.
    ours.shutdown(socket.SHUT_RDWR)
    os.wait()


if __name__ == "__main__":
    main()

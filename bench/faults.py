"""How soon a client publishes again after its connection is cut, and whether anything is lost.

FIN, RST and a stall come from a proxy on loopback; the black hole from the packet-level link.
"""

import socket
import struct
import threading
import time

from machine import Failed, found, topic_of
from wire import Watcher, split

# The 20th of 40 publishes is lost on its way, with the connection.
PUBLISHES = 40
CUT_AT = 20
PAUSE_MS = 10
KEEP_ALIVE = 10
# A client that doesn't publish by then never will.
LIMIT_S = 30
KINDS = ("fin", "rst", "stall")


class Proxy:
    """Forwards connections to a broker; the first one suffers a fault at a PUBLISH."""

    def __init__(self, address, kind):
        self._target, self._kind = address, kind
        # When the fault came, in ns of time.time_ns().
        self.cut = None
        self._sockets = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        first = True
        while True:
            try:
                client, _ = self._server.accept()
                broker = socket.create_connection(self._target)
            except OSError:
                return
            for one in (client, broker):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, broker]
            # Shared by the two directions: set when this connection is cut.
            dead = threading.Event()
            for target, arguments in (
                (self._outwards, (client, broker, dead, CUT_AT if first else 0)),
                (self._inwards, (client, broker, dead)),
            ):
                threading.Thread(target=target, args=arguments, daemon=True).start()
            first = False

    def _outwards(self, client, broker, dead, cut_at):
        rest = b""
        publishes = 0
        try:
            while data := client.recv(65536):
                packets, rest = split(rest + data)
                publishes += sum(first >> 4 == 3 for first, _ in packets)
                if cut_at and publishes >= cut_at:
                    dead.set()
                    return self._fault(client, broker)
                broker.sendall(data)
        except OSError:
            pass
        broker.close()

    def _inwards(self, client, broker, dead):
        try:
            while data := broker.recv(65536):
                if dead.is_set():
                    return
                client.sendall(data)
        except OSError:
            pass
        if not dead.is_set():
            client.close()

    def _fault(self, client, broker):
        self.cut = time.time_ns()
        if self._kind == "stall":
            return  # both stay open and silent
        if self._kind == "rst":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            client.shutdown(socket.SHUT_WR)
        client.close()
        broker.close()

    def close(self):
        for one in (self._server, *self._sockets):
            one.close()


def judged(cut, seen, output):
    """Returns the seconds from the cut to the next PUBLISH at the broker. Raises Failed."""
    if cut is None:
        raise Failed("no fault: " + output.strip()[-200:])
    later = [when for when, _ in seen if when > cut]
    if not later:
        raise Failed("never again")
    lost = {str(i) for i in range(PUBLISHES)} - {payload for _, payload in seen}
    if lost:
        raise Failed(f"{len(lost)} lost")
    found(output)  # it came to its end
    return (min(later) - cut) / 1e9


def options():
    return {"count": PUBLISHES, "pause": PAUSE_MS, "keep_alive": KEEP_ALIVE}


def on_loopback(machine, address, wanted):
    """Returns {(row, peer): seconds or Failed} for those pairs, measured side by side."""
    watcher = Watcher(address)
    running = []
    for kind, peer in wanted:
        name = f"f-{kind}-{peer}"
        proxy = Proxy(address, kind)
        command = machine.command(name, "persist", peer, proxy.address, **options())
        running.append((kind, peer, name, proxy, machine.start(command)))
    end = time.monotonic() + LIMIT_S
    results = {}
    for kind, peer, name, proxy, process in running:
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.kill()
        output, _ = process.communicate()
        seen = [(when, data.decode()) for when, data in watcher.of(topic_of(name).encode())]
        results[kind, peer] = outcome(proxy.cut, seen, output)
        proxy.close()
    watcher.close()
    return results


def on_link(link, peers):
    """Returns {("hole", peer): seconds or Failed}, all measured side by side."""
    made = {peer: link.command("persist", peer, **options()) for peer in peers}
    answer = link.ask(dict(made.values()), cut_at=CUT_AT, limit=LIMIT_S)
    results = {}
    for peer, (name, _) in made.items():
        topic = topic_of(name)
        seen = [(when, payload) for when, to, payload in answer["seen"] if to == topic]
        cuts = [flow["cut"] for flow in answer["flows"] if flow["name"] == name and flow["cut"]]
        results["hole", peer] = outcome(cuts[0] if cuts else None, seen, answer["outputs"][name])
    return results


def outcome(cut, seen, output):
    try:
        return judged(cut, seen, output)
    except Failed as error:
        return error

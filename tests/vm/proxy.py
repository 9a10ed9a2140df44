"""A TCP proxy between a client and a broker that does harm: on a condition, or when told.

    with Proxy(broker.port) as proxy:
        proxy.cut = one_byte
        lost = proxy.at("broker", PUBACK, 3, rst)
        ...                                 # a client talks to proxy.port
        again = proxy.wait("client", PUBLISH, 4)
        assert again.at - lost.at < 1

It reads MQTT's packets, so that a fault comes at a packet and not at a byte; with `packets=False`
it takes each piece for one, as it has to with TLS. It runs in a thread of its own.
"""

import asyncio
import contextlib
import socket
import threading
import time

from faults import Packet, Rule, fin, split

HOST = "127.0.0.1"
LIMIT_S = 20


class Link:
    """A client's connection and the one to the broker that belongs to it."""

    def __init__(self, number, client, broker):
        self.number = number
        self.client, self.broker = client, broker
        # True when nothing is handed on any more.
        self.silent = False
        # Clear in a black hole.
        self.passage = asyncio.Event()
        self.passage.set()

    def close(self):
        for writer in (self.client, self.broker):
            writer.transport.abort()


class Proxy:
    """Listens on `port` within the block. Its `delay` and `cut` may be set at any time."""

    def __init__(self, broker_port, packets=True, receive_buffer=None):
        self._broker_port, self._packets = broker_port, packets
        # Bytes that the system takes from a client before the proxy does.
        self._receive_buffer = receive_buffer
        # Seconds that everything takes, each way.
        self.delay = 0.0
        # None, or how a packet is cut into segments; and the seconds between two of them.
        self.cut = None
        self.pause = 0.0005
        # What came in so far, of both sides.
        self.packets: list[Packet] = []
        # Connections accepted so far.
        self.links = 0
        # How many packets of each (side, kind) came in.
        self._count: dict[tuple[str, int], int] = {}
        self._rules: list[Rule] = []
        self._changes: list[Rule] = []
        self._open: set[Link] = set()
        self._tasks: set[asyncio.Task] = set()
        self._came = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        # Known within the block; the same after shut() and open().
        self.port = 0
        self._server = None

    # What a test calls

    def at(self, side, kind, nth, fault, after=False):
        """Has fault(link) happen before, or after, the nth packet of a kind is handed on.

        `side` is whose packet it is, "client" or "broker". All links are counted together.
        """
        self._rules.append(Rule(side, kind, nth, fault, after))
        return self._rules[-1]

    def change(self, side, kind, nth, change):
        """Hands on change(raw) in place of the nth packet of a kind: b"" is none."""
        self._changes.append(Rule(side, kind, nth, change, False))
        return self._changes[-1]

    def now(self, fault):
        """Has a fault happen to all links."""

        async def harm():
            for link in list(self._open):
                fault(link)

        self._do(harm())

    def say(self, raw):
        """Tells the clients something that the broker did not say."""

        async def tell():
            for link in self._open:
                link.client.write(raw)

        self._do(tell())

    def shut(self):
        """Refuses new connections."""

        async def shut():
            self._shut()

        self._do(shut())

    def open(self):
        self._do(self._listen())

    def away(self, seconds):
        """Returns a fault: a FIN, and nobody listens for so long."""

        def fault(link):
            # Shut before the client can come again.
            self._shut()
            fin(link)
            self._spawn(self._away(seconds))

        return fault

    def seen(self, side, kind):
        """Returns the packets of a kind so far."""
        return [one for one in list(self.packets) if (one.side, one.kind) == (side, kind)]

    def wait(self, side, kind, nth=1, timeout=LIMIT_S):
        """Returns the nth packet of a kind, once it came in."""

        def found():
            return self.seen(side, kind)[nth - 1 : nth]

        with self._came:
            assert self._came.wait_for(found, timeout), f"no {nth}. packet {kind} of the {side}"
            return found()[0]

    def __enter__(self):
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_):
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # Within the loop

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(LIMIT_S)

    async def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        listener.bind((HOST, self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._accept, sock=listener)

    def _shut(self):
        server, self._server = self._server, None
        if server:
            server.close()

    async def _away(self, seconds):
        await asyncio.sleep(seconds)
        await self._listen()

    def _spawn(self, coroutine):
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self):
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._shut()
        # Closed sockets are let go in the loop's next turn.
        await asyncio.sleep(0)

    async def _accept(self, reader, writer):
        self.links += 1
        number = self.links
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            from_broker, to_broker = await asyncio.open_connection(HOST, self._broker_port)
            link = Link(number, writer, to_broker)
            self._open.add(link)
            ways = (
                self._way(link, "client", reader, to_broker),
                self._way(link, "broker", from_broker, writer),
            )
            try:
                await asyncio.gather(*ways)
                # In order, with what is still to go out.
                link.client.close()
                link.broker.close()
            except BaseException:
                link.close()
                raise
            finally:
                self._open.discard(link)
        except (OSError, asyncio.CancelledError):
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _way(self, link, side, reader, writer):
        queue = asyncio.Queue(64)
        sender = asyncio.create_task(self._send(link, queue, writer))
        try:
            with contextlib.suppress(ConnectionError):
                await self._read(link, side, reader, queue)
            await queue.put(None)
            await sender
        finally:
            sender.cancel()

    async def _read(self, link, side, reader, queue):
        buffer = bytearray()
        while piece := await reader.read(65536):
            await link.passage.wait()
            buffer += piece
            while raw := split(buffer) if self._packets else bytes(buffer):
                if not self._packets:
                    buffer.clear()
                rules, out = self._take(link, side, raw)
                await queue.put((time.monotonic() + self.delay, rules, out))
        await queue.put((0, [], bytes(buffer)))

    def _take(self, link, side, raw):
        packet = Packet(link.number, side, raw, time.monotonic())
        key = side, packet.kind
        nth = self._count[key] = self._count.get(key, 0) + 1
        for rule in self._changes:
            if rule.fits(side, packet.kind, nth):
                rule.at = packet.at
                raw = rule.fault(raw)
        with self._came:
            self.packets.append(packet)
            self._came.notify_all()
        return [rule for rule in self._rules if rule.fits(side, packet.kind, nth)], raw

    async def _send(self, link, queue, writer):
        # Faults stand in the queue too: what came before them is handed on first.
        with contextlib.suppress(ConnectionError):
            while item := await queue.get():
                due, rules, raw = item
                await asyncio.sleep(max(0, due - time.monotonic()))
                self._harm(link, rules, False)
                await link.passage.wait()
                if raw and not link.silent:
                    await self._write(link, writer, raw)
                self._harm(link, rules, True)
            if not link.silent:
                writer.write_eof()
            return
        # Nobody there: what still comes is taken and thrown away.
        while await queue.get():
            pass

    async def _write(self, link, writer, raw):
        pieces = self.cut(raw) if self.cut else [raw]
        for piece in pieces:
            if link.silent:
                return
            writer.write(piece)
            await writer.drain()
            if self.cut:
                await asyncio.sleep(self.pause)

    @staticmethod
    def _harm(link, rules, after):
        for rule in rules:
            if rule.after == after:
                rule.at = time.monotonic()
                rule.fault(link)

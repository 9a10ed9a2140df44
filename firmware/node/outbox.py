"""What waits to be sent. Memory is bounded: what is dropped is counted and said."""

import asyncio

from mqtt.client import NotConnected, Timeout


class Outbox:
    """One lane to the broker, in order.

    Telemetry (`events` False) keeps the newest reading of each topic while there is no link;
    events keep their order and their number, up to `size`, then the oldest goes.
    """

    def __init__(self, client, reporter, events: bool, size: int = 32, log=print):
        self._client = client
        self._reporter = reporter
        self._events = events
        self._size = size
        self._log = log
        # Readings that wait, oldest first.
        self._waiting = []
        # How many were dropped because there was no room.
        self.dropped = 0
        self._wake = asyncio.Event()

    def put(self, reading):
        """Takes a reading; never waits."""
        if not self._events:
            self.forget(reading.level)
        if len(self._waiting) >= self._size:
            self._waiting.pop(0)
            self.dropped += 1
            self._log("outbox: full, the oldest of %d was dropped" % self._size)
        self._waiting.append(reading)
        self._wake.set()

    def forget(self, level):
        """Drops what waits of one topic level."""
        self._waiting = [reading for reading in self._waiting if reading.level != level]

    async def run(self, wait_ready):
        """Sends what waits; `wait_ready` is awaited before each message."""
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            await wait_ready()
            # What waited may have been forgotten meanwhile.
            if self._waiting:
                await self._send(self._waiting[0])

    async def _send(self, reading):
        topic, payload = self._reporter.topic(reading), self._reporter.payload(reading)
        try:
            await self._client.publish(topic, payload, reading.qos, reading.retain)
        except (NotConnected, Timeout) as error:
            # It stays the first: the link is away or stalls, and the next turn waits for it.
            self._log("outbox: %s: %s" % (topic, error))
            await asyncio.sleep_ms(500)
            return
        if reading in self._waiting:
            self._waiting.remove(reading)

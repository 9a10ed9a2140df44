# Commands: what they may look like and what is answered.

import asyncio
import json

from node import commands
from raises import raises


class Desk:
    """Commands with two actions, and what was done and answered."""

    def __init__(self):
        self.done = []
        self.replies = []
        self.log = []
        actions = {"read": self.read, "refuse": self.refuse}
        self.commands = commands.Commands(actions, self.answer, self.log.append)

    def read(self, arguments):
        self.done.append(arguments)
        return ["all"]

    def refuse(self, arguments):
        raise commands.CommandError("not today: tomorrow is allowed")

    def answer(self, text):
        self.replies.append(json.loads(text))

    def send(self, payload, retain=False):
        self.commands.handle("topic", memoryview(payload), retain, 0, 1)
        return self.replies[-1]


def test_a_word():
    assert commands.parse(b"read") == ("read", {})
    assert commands.parse(b" read\n") == ("read", {})
    assert commands.parse(memoryview(b"read")) == ("read", {})
    assert commands.parse(b"") == ("", {})


def test_an_object():
    text = b'{"command": "interval", "seconds": 5}'
    assert commands.parse(text) == ("interval", {"seconds": 5})
    assert commands.parse(b'  {"command": "read"}') == ("read", {})


def test_what_is_neither():
    for payload in (b"{", b'{"command": ', b"\xff\xfe", b'{"command": read}'):
        error = raises(commands.CommandError, commands.parse, payload)
        assert "JSON" in str(error)
    for payload in (b"{}", b'{"word": "read"}', b'{"command": 5}', b'{"command": null}'):
        error = raises(commands.CommandError, commands.parse, payload)
        assert "no command" in str(error)


def test_any_bytes_make_a_word_or_an_error():
    for first in range(256):
        for rest in (b"", b"a", b"}", b"\x80", b'"'):
            try:
                word, arguments = commands.parse(bytes((first,)) + rest)
            except commands.CommandError:
                continue
            assert isinstance(word, str) and isinstance(arguments, dict)


def test_done():
    desk = Desk()
    assert desk.send(b"read") == {"command": "read", "ok": True, "result": ["all"]}
    desk.send(b'{"command": "read", "sensor": "door"}')
    assert desk.done == [{}, {"sensor": "door"}]
    assert desk.log[0] == "command: 'read': done"


def test_refused():
    desk = Desk()
    told = {"command": "refuse", "ok": False, "error": "not today: tomorrow is allowed"}
    assert desk.send(b"refuse") == told
    assert desk.log == ["command: 'refuse': not today: tomorrow is allowed"]


def test_unknown():
    desk = Desk()
    answer = desk.send(b"dance")
    assert answer["command"] == "dance" and not answer["ok"]
    assert answer["error"] == "no command 'dance': there are read, refuse"


class Slow:
    """A desk with a command that takes its time; it ends when `results` has something."""

    def __init__(self):
        self.results = []
        self.replies = []
        actions = {"scan": lambda arguments: self.scan(arguments)}
        self.commands = commands.Commands(actions, self.answer, lambda line: None)

    async def scan(self, arguments):
        while not self.results:
            await asyncio.sleep(0)
        result = self.results.pop()
        if isinstance(result, Exception):
            raise result
        return result

    def answer(self, text):
        self.replies.append(json.loads(text))

    async def send(self, *results):
        """Sends the command, lets it end with each of `results` in turn."""
        self.commands.handle("topic", b"scan", False, 0, 1)
        for result in results:
            self.results.append(result)
            before = len(self.replies)
            while len(self.replies) == before:
                await asyncio.sleep(0)


def test_what_takes_its_time_is_answered_when_it_is_done():
    desk = Slow()

    async def talk():
        await desk.send()
        assert desk.replies == []
        # Another one meanwhile is refused, and the first goes on.
        await desk.send({"0x76": "bme280"})
        await desk.send(OSError(19))
        await desk.send(MemoryError("no room"))
        await desk.send("again")

    asyncio.run(talk())
    refused, first, failed, full, again = desk.replies
    assert not refused["ok"] and "still under way: try again" in refused["error"]
    assert first == {"command": "scan", "ok": True, "result": {"0x76": "bme280"}}
    assert not failed["ok"] and "OSError" in failed["error"]
    assert not full["ok"] and "no room" in full["error"]
    assert again["result"] == "again"


def test_malformed():
    desk = Desk()
    answer = desk.send(b"{")
    assert answer["command"] is None and not answer["ok"] and "result" not in answer


def test_retained_is_not_carried_out():
    desk = Desk()
    answer = desk.send(b"read", True)
    assert not answer["ok"] and "without -r" in answer["error"]
    assert desk.done == []


def test_a_long_command_is_told_in_short():
    desk = Desk()
    answer = desk.send(b"\x1b[2J" + 2000 * b"x")
    assert "\x1b" not in desk.log[0] and len(desk.log[0]) < 200
    assert len(answer["command"]) == 40 and len(answer["error"]) < 200

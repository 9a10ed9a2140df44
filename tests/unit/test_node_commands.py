# Commands: what they may look like and what is answered.

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

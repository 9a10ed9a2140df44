"""Commands to the node: a word, or {"command": word, ...}; the answer goes to the reply topic."""

import json

# Characters of an unknown command that are told.
LONGEST = 40


class CommandError(ValueError):
    """A command that can't be carried out; the text says what is allowed."""


class Commands:
    """`actions` is word -> function(arguments: dict) that returns the answer or raises."""

    def __init__(self, actions: dict, reply, log=print):
        self._actions = actions
        # Called with the answer as text.
        self._reply = reply
        self._log = log

    def handle(self, topic, payload, retain, dup, qos):
        """Takes a message of the command topic."""
        if retain:
            # A retained "restart" would be carried out after each restart.
            self._answer(None, error="a retained command is not carried out: publish without -r")
            return
        word = None
        try:
            word, arguments = parse(payload)
            self._answer(word, result=self._action(word)(arguments))
        except CommandError as error:
            self._answer(word, error=str(error))

    def _action(self, word):
        if word not in self._actions:
            allowed = ", ".join(sorted(self._actions))
            raise CommandError("no command %r: there are %s" % (word[:LONGEST], allowed))
        return self._actions[word]

    def _answer(self, word, result=None, error=None):
        # A long one would fill console and memory.
        word = word and word[:LONGEST]
        error = error and error[: 8 * LONGEST]
        self._log("command: %r: %s" % (word, error or "done"))
        answer = {"command": word, "ok": error is None}
        answer["result" if error is None else "error"] = result if error is None else error
        self._reply(json.dumps(answer))


def parse(payload) -> tuple:
    """Returns (word, arguments) of a command. Raises CommandError."""
    try:
        text = str(bytes(payload), "utf-8").strip()
        data = json.loads(text) if text[:1] == "{" else {"command": text}
    except ValueError:
        raise CommandError('neither a word nor JSON: {"command": "read"}')
    word = data.pop("command", None)
    if not isinstance(word, str):
        raise CommandError('no command in it: {"command": "read"}')
    return word, data

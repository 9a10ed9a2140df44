"""Commands to the node: a word, or {"command": word, ...}; the answer goes to the reply topic."""

import asyncio
import json

# Characters of an unknown command that are told.
LONGEST = 40


class CommandError(ValueError):
    """A command that can't be carried out; the text says what is allowed."""


class Commands:
    """`actions` is word -> function(arguments: dict) that returns the answer or raises.

    What takes its time returns a coroutine that does so; one at a time is carried out.
    """

    def __init__(self, actions: dict, reply, log=print):
        self._actions = actions
        # Called with the answer as text.
        self._reply = reply
        self._log = log
        # The coroutine that is carried out; None while there is none.
        self._task = None

    def handle(self, topic, payload, retain, dup, qos):
        """Takes a message of the command topic."""
        if retain:
            # A retained "restart" would be carried out after each restart.
            self._answer(None, error="a retained command is not carried out: publish without -r")
            return
        word = None
        try:
            word, arguments = parse(payload)
            result = self._action(word)(arguments)
            if hasattr(result, "send"):
                self._begin(word, result)
            else:
                self._answer(word, result=result)
        except CommandError as error:
            self._answer(word, error=str(error))

    def _action(self, word):
        if word not in self._actions:
            allowed = ", ".join(sorted(self._actions))
            raise CommandError("no command %r: there are %s" % (word[:LONGEST], allowed))
        return self._actions[word]

    def _begin(self, word, work):
        if self._task:
            work.close()
            raise CommandError("another one is still under way: try again")
        self._task = asyncio.create_task(self._finish(word, work))

    async def _finish(self, word, work):
        try:
            self._answer(word, result=await work)
        except Exception as error:
            # Whatever it is, no memory too: who asked waits for an answer.
            self._answer(word, error=repr(error))
        finally:
            self._task = None

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

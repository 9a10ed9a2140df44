"""What a virtual board's MicroPython writes: text, bytes, and two moments of its start-up."""

import re

# A mark, its kind, and the length of what follows (port/_start.py).
MARK = b"\x00\x02VB"
HEAD = len(MARK) + 3
# Kinds: boot.py begins, the prompt comes; bytes that aren't text, and text.
UP, PROMPT, DATA, TEXT = b"u", b"p", b"d", b"t"

BARE_LF = re.compile(rb"(?<!\r)\n")


class Stream:
    """Takes the stream apart. Text gets the line ends that it has on the chip, CR and LF."""

    def __init__(self):
        # What may be the beginning of a mark, or of what it announces.
        self._rest = b""
        # The last byte of the text so far.
        self._last = b""

    def feed(self, data):
        """Returns a list of (kind, bytes)."""
        data, self._rest = self._rest + data, b""
        found = []
        while data:
            start = data.find(MARK)
            if start < 0:
                start = len(data) - _begun(data)
            if start:
                found.append((TEXT, self._text(data[:start])))
                data = data[start:]
                continue
            size = HEAD + int.from_bytes(data[HEAD - 2 : HEAD], "big")
            if len(data) < max(HEAD, size):
                self._rest = data
                break
            found.append((data[len(MARK) : len(MARK) + 1], data[HEAD:size]))
            data = data[size:]
        return found

    def _text(self, text):
        kept = text[:1] if self._last == b"\r" and text.startswith(b"\n") else b""
        self._last = text[-1:]
        return kept + BARE_LF.sub(b"\r\n", text[len(kept) :])


def _begun(data):
    """Returns how many bytes at the end of `data` may begin a mark."""
    return max(n for n in range(len(MARK)) if data.endswith(MARK[:n]))

"""Text as MQTT 3.1.1 allows it: strings (1.5.3), topic names and filters (4.7)."""


class TopicError(ValueError):
    """A topic name, a filter or another text is not allowed. The text says why."""


def data(value) -> bytes:
    """Returns str as UTF-8, anything else as it is."""
    return value.encode() if isinstance(value, str) else value


def decoded(value):
    """Returns bytes as str, or None if they are not UTF-8 without NUL (1.5.3)."""
    try:
        string = str(value, "utf-8")
        if len(string) != len(value):
            for char in string:
                # MicroPython's decoder lets overlong forms and surrogates pass.
                code = ord(char)
                if 0xD7FF < code < 0xE000 or chr(code) != char:
                    return None
        return None if "\0" in string else string
    except ValueError:
        return None


def text(value) -> bytes:
    """Returns str or bytes as a UTF-8 string (1.5.3). Raises TopicError if it may not be one."""
    try:
        raw = data(value)
        if len(raw) < 65536 and decoded(raw) is not None:
            return raw
    except ValueError:
        pass  # a surrogate: CPython doesn't even encode it
    raise TopicError("%r: not UTF-8 without NUL of at most 65535 bytes" % value[:40])


def check_name(topic) -> bytes:
    """Returns a topic name of str or bytes as bytes. Raises TopicError, also on a wildcard."""
    name = text(topic)
    if not name or b"+" in name or b"#" in name:  # 3.3.2.1, 4.7.3
        raise TopicError("topic %r: empty, or + and #, which are for filters" % topic)
    return name


def check_filter(topic_filter) -> bytes:
    """Returns a topic filter of str or bytes as bytes. Raises TopicError."""
    value = text(topic_filter)
    levels = value.split(b"/")
    if levels[-1] == b"#":
        levels.pop()
    for level in levels:
        if level != b"+" and (not value or b"+" in level or b"#" in level):  # 4.7.1, 4.7.3
            raise TopicError("filter %r: empty, or + and # not a whole or last level" % value)
    return value

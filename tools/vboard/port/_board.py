# The link of a MicroPython in a process of its own to its board: what chip/ and frozen/ call.
#
# Requests and answers are packets of JSON that begin with the request's number: the answer to one
# that a ctrl-C interrupted is passed over. Bytes are {"hex": ...} in it. Interrupts come by a
# second connection, to a thread that schedules their handlers.

import _thread

import micropython
import ubinascii
import ujson
import usocket
import utime

SEQPACKET = 5
# The longest packet of an answer: a longer answer comes in several.
PACKET = 512
# The queue of scheduled calls is short: how long to wait for room in it.
RETRY_US = 200

reset_cause = wake_reason = 0
# Gets a byte for each interrupt, to be waited for beside other streams; None before listen().
bell = None

# struct sockaddr_un of the board's socket without its end, and the connection that calls go over.
_address = b""
_link = None
# The number of the last request.
_number = 0
# First letter of a kind of interrupt -> handler(number).
_handlers = {}
# True during a request. Interrupts that came meanwhile wait for its answer.
_busy = False
_waiting = []


def connect(path, cause, wake):
    """Begins to speak to the board whose socket is at `path`."""
    global _address, _link, reset_cause, wake_reason
    _address = b"\x01\x00" + path.encode()
    reset_cause, wake_reason = cause, wake
    _link = open_link("control")


def open_link(purpose, number=0, kind=SEQPACKET):
    """Returns a new connection to the board, which is told what for in 16 bytes."""
    made = usocket.socket(usocket.AF_UNIX, kind)
    made.connect(_address + (b".p\x00" if kind == SEQPACKET else b".s\x00"))
    made.write("%-7s %08d" % (purpose, number))
    return made


def call(name, *args):
    """Calls a peripheral of the board by name. Raises what it raises: OSError, ValueError."""
    global _number, _busy
    nested, _busy = _busy, True
    _number = number = _number + 1
    try:
        _link.write(ujson.dumps([number, name, [_encoded(one) for one in args]]))
        answer = ujson.loads(_answer(number))
    finally:
        _busy = nested
    if _waiting and not nested:
        _catch_up()
    return _value(answer)


def _encoded(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"hex": ubinascii.hexlify(value).decode()}
    return value


def _answer(number):
    # Each packet is the number, "+" or, of the last one, "=", and text.
    text = b""
    while True:
        packet = _link.recv(PACKET)
        if not packet:
            raise SystemExit
        mark = 1
        while packet[mark] not in b"+=":
            mark += 1
        if int(packet[:mark]) == number:
            text += packet[mark + 1 :]
            if packet[mark] == 61:  # "="
                return text


def _value(answer):
    if not isinstance(answer, dict):
        return answer
    if "hex" in answer:
        return ubinascii.unhexlify(answer["hex"])
    if "error" in answer:
        raise {"OSError": OSError, "ValueError": ValueError}[answer["error"]](*answer["args"])
    return answer


# ---- Interrupts ------------------------------------------------------------------------------


def listen(kind, handler):
    """Has handler(number) called for interrupts of a kind."""
    global bell
    _handlers[ord(kind[0])] = handler
    if bell is None:
        bell = open_link("bell", 0, usocket.SOCK_STREAM)
        bell.setblocking(False)
        _thread.start_new_thread(_hear, (open_link("events", 0, usocket.SOCK_STREAM),))


def _hear(events):
    # Beside the program: takes no memory, touches nothing but the queue of scheduled calls.
    buffer = bytearray(2)
    while events.readinto(buffer) == 2:
        code = buffer[0] << 8 | buffer[1]
        while True:
            try:
                micropython.schedule(_dispatch, code)
                break
            except RuntimeError:
                utime.sleep_us(RETRY_US)


def _dispatch(code):
    if _busy:
        _waiting.append(code)
    else:
        number = code & 255
        _handlers[code >> 8](number if number < 128 else number - 256)


def _catch_up():
    while _waiting:
        _dispatch(_waiting.pop(0))


# ---- Time and the end --------------------------------------------------------------------------


def stop(cause, ms=None):
    """Ends the program for a reset or a deep sleep."""
    call("stop", cause, ms)
    # Until the board takes this process away.
    micropython.kbd_intr(-1)
    while True:
        utime.sleep(1)


def sleep(seconds):
    utime.sleep(seconds)


def attend():
    utime.sleep_us(50)

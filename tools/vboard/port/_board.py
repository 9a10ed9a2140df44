# The link of a MicroPython in a process of its own to its board: what chip/ and frozen/ call.
#
# Requests and answers are packets of JSON that begin with the request's number: the answer to one
# that a ctrl-C interrupted is passed over. Bytes are {"hex": ...} in it. Interrupts come by a
# second connection, to a thread that notes them and schedules their handlers. A ctrl-C may hit any
# line here: whatever was begun is given up, and nothing of it is in the way of what comes next.

import _thread
import array
import io
import sys

import micropython
import ubinascii
import ujson
import uselect
import usocket
import utime
from micropython import const
from utime import ticks_ms, ticks_us  # noqa: F401

SEQPACKET = 5
# What an answer can be instead.
_ERRORS = {"OSError": OSError, "ValueError": ValueError, "OverflowError": OverflowError}
# The longest packet of an answer: a longer answer comes in several.
PACKET = 128
# How long to wait for an interrupt on its way, or for room in the queue of scheduled calls; and
# how often: a handler that is called by then sees to the others itself.
RETRY_US = 200
RETRIES = const(20)
# Interrupts that may wait for the program; what comes on top is lost, as on the chip.
WAITING = const(256)

reset_cause = wake_reason = 0
# Gets a byte for each interrupt, to be waited for beside other streams; None before listen().
bell = None
_bell_poll = uselect.poll()

# struct sockaddr_un of the board's socket without its end, and the connection that calls go over.
_address = b""
_link = None
# The number of the last request.
_number = 0
# First letter of a kind of interrupt -> handler(number).
_handlers = {}
# Interrupts that wait, in a ring; how many came so far, and how many of them were noted in it,
# were handled, and rang the bell. All in 16 bits; the thread counts in arrays.
_ring = array.array("H", [0] * WAITING)
_heard, _noted = array.array("H", [0]), array.array("H", [0])
_handled = _rung = 0
# True during a request: interrupts wait for its answer. And during a handler: one at a time.
_busy = _handling = False


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
    """Calls a peripheral of the board by name. Raises OSError, ValueError, OverflowError."""
    global _number, _busy
    nested, _busy = _busy, True
    _number = number = _number + 1
    try:
        _link.write(ujson.dumps([number, name, [_encoded(one) for one in args]]))
        answer = ujson.loads(_answer(number))
    finally:
        _busy = nested
    _catch_up()
    return _value(answer)


def _encoded(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"hex": ubinascii.hexlify(value).decode()}
    return value


def _answer(number):
    # Each packet is the number, "+" and text; of the last one "=", the number of interrupts that
    # came before it, a space and text.
    text = b""
    while True:
        packet = _link.recv(PACKET)
        if not packet:
            raise SystemExit
        mark = 1
        while packet[mark] not in b"+=":
            mark += 1
        if int(packet[:mark]) != number:
            continue
        if packet[mark] == 61:  # "="
            count, _, last = packet[mark + 1 :].partition(b" ")
            _await(int(count))
            return text + last
        text += packet[mark + 1 :]


def _await(count):
    # What happened before the answer was made has interrupted before it is used.
    while 0 < (count - _heard[0] & 0xFFFF) < 0x8000:
        utime.sleep_us(RETRY_US)


def _value(answer):
    if not isinstance(answer, dict):
        return answer
    if "hex" in answer:
        return ubinascii.unhexlify(answer["hex"])
    if "error" in answer:
        raise _ERRORS[answer["error"]](*answer["args"])
    return answer


# ---- Interrupts ------------------------------------------------------------------------------


def listen(kind, handler):
    """Has handler(number) called for interrupts of a kind."""
    global bell
    _handlers[ord(kind[0])] = handler
    if bell is None:
        made = open_link("bell", 0, usocket.SOCK_STREAM)
        made.setblocking(False)
        _bell_poll.register(made, uselect.POLLIN)
        _thread.start_new_thread(_hear, (open_link("events", 0, usocket.SOCK_STREAM),))
        bell = made


def _hear(events):
    # Beside the program: takes no memory, and never waits for the end of what the program does.
    buffer = bytearray(2)
    while events.readinto(buffer) == 2:
        if (_noted[0] - _handled) & 0xFFFF < WAITING:
            _ring[_noted[0] & WAITING - 1] = buffer[0] << 8 | buffer[1]
            _noted[0] = _noted[0] + 1 & 0xFFFF
        _heard[0] = _heard[0] + 1 & 0xFFFF
        _schedule()


def _schedule():
    for _ in range(RETRIES):
        try:
            micropython.schedule(_catch_up, None)
            return
        except RuntimeError:
            utime.sleep_us(RETRY_US)


def _catch_up(_=None):
    while _handled != _noted[0] and not (_busy or _handling):
        _handle()


def _handle():
    global _handled, _handling
    try:
        _handling = True
        # Another may have handled the last one meanwhile: now there is none beside this one.
        if _handled != _noted[0]:
            code = _ring[_handled & WAITING - 1]
            _handled = _handled + 1 & 0xFFFF
            _handlers[code >> 8](code & 255)
    except Exception as error:
        # As on the chip: told, and no matter of the code that was interrupted.
        print("Unhandled exception in callback")
        tell(error)
    finally:
        _handling = False


def tell(error):
    """Prints a traceback without the lines of what is in C on the chip."""
    text = io.StringIO()
    sys.print_exception(error, text)
    lines = text.getvalue().split("\n")
    print("\n".join(line for line in lines if '"<built-in>/' not in line), end="")


def hold():
    """Lets interrupts wait, until release() of what it returns. Takes no memory, nor does that."""
    global _busy
    held = _busy
    _busy = True
    return held


def release(held):
    global _busy
    _busy = held
    if _handled != _noted[0] and not held:
        # Not here: in what comes after the caller.
        _schedule()


def answer_bell():
    """Runs the handlers of what has rung the bell."""
    global _rung
    _rung = _rung + len(bell.read(64) or b"") & 0xFFFF
    _await(_rung)
    _catch_up()


# ---- Time and the end --------------------------------------------------------------------------


def stop(cause, ms=None):
    """Ends the program for a reset or a deep sleep."""
    call("stop", cause, ms)
    # Until the board takes this process away.
    micropython.kbd_intr(-1)
    while True:
        utime.sleep(1)


def sleep(seconds):
    sleep_us(int(seconds * 1_000_000))


def sleep_us(us):
    """Sleeps while interrupts are handled."""
    end = utime.ticks_add(utime.ticks_us(), us)
    left = us
    while left > 0:
        if bell is None or left < 1000:
            utime.sleep_us(left)
        elif _bell_poll.poll(left // 1000):
            answer_bell()
        left = utime.ticks_diff(end, utime.ticks_us())


def attend():
    sleep_us(50)

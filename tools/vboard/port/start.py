# Starts a board on a real MicroPython, as the ESP32 port does between reset and boot.py.
#
# start.py FLASH OFFSET SIZE SOCKET CAUSE WAKE_REASON PROMPT STAND_INS LEAPS
# Runs in front of the prompt (-i), in whose namespace boot.py and main.py leave what they made.

import sys

sys.path.insert(0, sys.argv[8] + "/built-in")

import _start  # noqa: E402

_start.run(globals(), *sys.argv[1:10])

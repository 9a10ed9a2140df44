# Runs at each boot, under mpremote too. It must never raise: main.py would not run.
#
# What the root's files agree on with an application, whatever the versions of both, since a deploy
# replaces them one after another: boot.py puts the slot that /slot names, "a" or "b", first on
# sys.path; main.py calls node.start.main(). A slot holds a whole application, its libraries beside
# the node. Without /slot the application stands at the root, its libraries in /lib.

import sys

try:
    with open("/slot") as file:
        slot = file.read(2).strip()
    if slot in ("a", "b"):
        sys.path.insert(0, "/" + slot)
    else:
        print("boot: /slot names no slot: %r" % slot)
except OSError:
    # Files at the root, as a developer copies them.
    pass
except Exception as error:
    print("boot: /slot: %r" % error)

try:
    import gc

    import machine
    import micropython
    from esp32 import NVS

    # Often: what imports leave behind would lie between what stays, and nothing on a heap moves.
    gc.threshold(16_384)
    # An interrupt handler that raises has no heap to say so.
    micropython.alloc_emergency_exception_buf(100)
    # Waking up is no boot, and flash wears out.
    if machine.reset_cause() != machine.DEEPSLEEP_RESET:
        storage = NVS("fieldpost")
        try:
            boots = storage.get_i32("boots")
        except OSError:
            boots = 0
        storage.set_i32("boots", boots + 1)
        storage.commit()
except Exception as error:
    print("boot: %r" % error)

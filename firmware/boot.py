# Runs at each boot, under mpremote too. It must never raise: main.py would not run.

try:
    import machine
    import micropython
    from esp32 import NVS

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

"""Runs a file of portable unit tests under MicroPython: micropython run_unit.py FILE [PATH...].

Calls every `test_*` function, prints `ok NAME` or `FAIL NAME` with the traceback, then a count.
Each PATH is put on sys.path, as is the file's own folder.
"""

import gc
import sys


def main(file, paths):
    folder, _, name = file.rpartition("/")
    sys.path[:0] = [folder or "."] + paths
    module = __import__(name[:-3])
    failed = 0
    names = sorted(name for name in dir(module) if name.startswith("test_"))
    for name in names:
        gc.collect()
        try:
            getattr(module, name)()
            print("ok", name)
        except Exception as error:
            failed += 1
            print("FAIL", name)
            sys.print_exception(error)
    print("%d passed, %d failed" % (len(names) - failed, failed))
    return 1 if failed or not names else 0


sys.exit(main(sys.argv[1], sys.argv[2:]))

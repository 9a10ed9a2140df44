# MicroPython's json: text beyond ASCII goes out as it is.

from _host import json as _host

loads, load = _host.loads, _host.load


def dumps(obj, separators=None):
    return _host.dumps(obj, separators=separators, ensure_ascii=False)


def dump(obj, stream, separators=None):
    stream.write(dumps(obj, separators))

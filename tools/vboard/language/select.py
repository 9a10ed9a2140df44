# MicroPython's select.poll on the board's sockets.

import _board
from _host import select as _host

POLLIN, POLLOUT, POLLERR, POLLHUP = _host.POLLIN, _host.POLLOUT, _host.POLLERR, _host.POLLHUP


class poll:
    def __init__(self):
        # File descriptor -> (socket, events).
        self._registered = {}

    def register(self, stream, eventmask=POLLIN | POLLOUT):
        self._registered[stream.fileno()] = (stream, eventmask)

    modify = register

    def unregister(self, stream):
        self._registered.pop(stream.fileno(), None)

    def poll(self, timeout=-1):
        poller = _host.poll()
        for fd, (_, mask) in self._registered.items():
            poller.register(fd, mask)
        ready = _board.wait(poller, None if timeout < 0 else timeout)
        return [(self._registered[fd][0], event) for fd, event in ready]

    def ipoll(self, timeout=-1, flags=0):
        return iter(self.poll(timeout))

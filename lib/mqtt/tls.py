"""TLS, verified unless `verify=False` is spelled out: `client.transport = TLS("/ca.der")`."""

import asyncio
from errno import ENOMEM, ETIMEDOUT
from time import ticks_diff, ticks_ms

from tls import CERT_NONE, CERT_REQUIRED, PROTOCOL_TLS_CLIENT, SSLContext

from .packet import ProtocolError
from .transport import tcp

# What mbedTLS calls a fatal alert of the other side, and an end without its goodbye.
_ALERT = -0x7780
_EOF = -0x7280

# What mbedTLS finds wrong with a certificate, the first to heal first, and what to do.
_FAULTS = (
    ("future", "is not valid yet by the clock of this board: set the clock first (NTP)"),
    ("expired", "has expired: renew it, or set the clock"),
    ("expected CN", "is for another host: check host and server_hostname"),
    ("trusted CA", "is of an unknown authority: check authorities"),
)


def _der(value) -> bytes:
    if isinstance(value, str):
        with open(value, "rb") as file:
            return file.read()
    return value


class TLS:
    """How one client connects by TLS: async (host, port, timeout_ms) -> socket.

    `authorities`: certificate, or tuple of several, that the broker's must descend from.
    `server_hostname`: the name it must bear and is asked for (SNI); `host` if not given.
    `certificate`, `key`: the client's own. Each is DER bytes or the path of a DER file.
    `psk`: (identity, key as bytes) in place of all certificates. Raises ValueError, OSError.
    """

    def __init__(
        self,
        authorities=None,
        server_hostname=None,
        certificate=None,
        key=None,
        psk=None,
        verify=True,
    ):
        self._name = server_hostname
        context: callable = SSLContext(PROTOCOL_TLS_CLIENT)
        self._context = context
        context.verify_mode = CERT_REQUIRED
        # What of this client a broker may refuse.
        self._mine = "client certificate" if certificate else "client certificate (none given)"
        # Whether the broker has a certificate to be looked at.
        self._checked = False
        # True once that was done in this handshake, or the broker answered if it has none.
        self._seen = False
        if psk:
            self._share(psk)
        elif verify is False:
            context.verify_mode = CERT_NONE
        elif not authorities:
            raise ValueError("authorities are missing (or spell out verify=False)")
        else:
            self._checked = True
            context.verify_callback = self._look
        try:
            self._load(authorities, certificate, key)
        except ValueError as error:
            raise ValueError("%s: give it as DER" % error)

    def _share(self, psk):
        if not hasattr(self._context, "psk_key"):
            raise ValueError("no PSK in this MicroPython: 1.29 and later have it")
        self._mine = "identity and key"
        self._context.psk_identity, self._context.psk_key = psk

    def _load(self, authorities, certificate, key):
        several = isinstance(authorities, (tuple, list))
        for authority in authorities if several else (authorities,):
            if authority:
                self._context.load_verify_locations(_der(authority))
        if certificate:
            self._context.load_cert_chain(_der(certificate), _der(key))

    def _look(self, certificate, depth):
        # mbedTLS judges; this only tells how far the handshake came.
        self._seen = True
        return 0

    async def __call__(self, host: str, port: int, timeout_ms: int):
        """Connects. Raises OSError, or ProtocolError that says what is wrong and what to do."""
        start = ticks_ms()
        raw = sock = await tcp(host, port, timeout_ms)
        try:
            sock = self._context.wrap_socket(
                raw, server_hostname=self._name or host, do_handshake_on_connect=False
            )
            await self._shake(sock, start, timeout_ms)
            return sock
        except asyncio.TimeoutError:
            error = OSError(ETIMEDOUT)
        except (OSError, ValueError) as caught:
            if isinstance(caught, OSError) and self._overtaken(caught.errno):
                caught = OSError(_ALERT)
            text = self.explain(caught)
            error = ProtocolError("%s:%s: %s" % (host, port, text)) if text else caught
        except BaseException as caught:
            error = caught
        sock.close()
        raw.close()  # a failed handshake leaves it open
        raise error

    def _overtaken(self, code):
        # A refusal may overtake what is still to be written: EPIPE, ECONNRESET, end of input.
        return code == 32 or self._seen and code in (104, _EOF)

    async def _shake(self, sock, start, timeout_ms):
        # Nothing tells the end of a handshake, and nothing depends on it: the first write goes
        # on with it. But what a refused certificate raises has to come here.
        self._seen = False
        one = bytearray(1)
        sock.readinto(one)
        stream = asyncio.StreamReader(sock)
        while not self._seen:
            left = timeout_ms - ticks_diff(ticks_ms(), start)
            await asyncio.wait_for_ms(stream.readinto(one), left)
            self._seen = self._seen or not self._checked
        # The broker's last word may refuse the client. With TLS 1.3 there may be none, so it is
        # not waited for longer than the first one.
        took = ticks_diff(ticks_ms(), start)
        try:
            await asyncio.wait_for_ms(stream.readinto(one), min(took + 20, timeout_ms - took))
        except asyncio.TimeoutError:
            pass

    def explain(self, error):
        """Returns what an error of the socket means and what to do; None if TLS has no part."""
        text = str(error)
        if isinstance(error, ValueError):
            for word, advice in _FAULTS:
                if word in text:
                    return "the broker's certificate " + advice
            return "the broker's certificate: " + text
        code = error.errno
        if code == ENOMEM:
            return "no memory for TLS, 35 KB of the system's: connect before the heap grows"
        if code == _ALERT:
            return "the broker refused this client: check TLS version, name and " + self._mine
        if code == _EOF:
            return "the broker closed the connection (at once: it may be no port of TLS)"
        if isinstance(code, int) and code < -255:
            return "TLS failed: " + text
        return None

"""TLS, verified unless `verify=False` is spelled out: `client.transport = TLS("/ca.der")`."""

import time

import tls

from .transport import ready, tcp


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
        # What of this client a broker may refuse: no certificate, its own, or the shared key.
        self._mine = 2 if psk else 1 if certificate else 0
        context: callable = tls.SSLContext(0)  # PROTOCOL_TLS_CLIENT
        self._context = context
        context.verify_mode = 2  # CERT_REQUIRED
        try:
            if psk:
                context.psk_identity, context.psk_key = psk
            elif verify is False:
                context.verify_mode = 0  # CERT_NONE
            elif not authorities:
                raise ValueError
            else:
                context.verify_callback = self._look
            several = isinstance(authorities, (tuple, list))
            for authority in authorities if several else (authorities,):
                if authority:
                    context.load_verify_locations(_der(authority))
            if certificate:
                context.load_cert_chain(_der(certificate), _der(key))
        except (AttributeError, ValueError) as error:
            from .advice import tls_options

            raise ValueError(tls_options(error))

    def _look(self, *_):
        # mbedTLS judges; this only tells how far the handshake came.
        self._seen = True
        return 0

    async def __call__(self, host: str, port: int, timeout_ms: int):
        """Connects. Raises OSError, or ProtocolError that says what is wrong and what to do."""
        start = time.ticks_ms()
        # True once the certificate was looked at, or the broker answered if it has none.
        self._seen = False
        raw = sock = await tcp(host, port, timeout_ms)
        try:
            sock = self._context.wrap_socket(
                raw, server_hostname=self._name or host, do_handshake_on_connect=False
            )
            # Nothing tells the end of a handshake, and nothing depends on it: the first write
            # goes on with it. But what a refused certificate raises has to come here.
            one = bytearray(1)
            sock.readinto(one)
            while not self._seen:
                await ready(sock, 1, start, timeout_ms)
                sock.readinto(one)
                self._seen = self._seen or not self._context.verify_callback
            # The broker's last word may refuse the client. With TLS 1.3 there may be none, so it
            # is not waited for longer than the first one.
            limit = time.ticks_diff(time.ticks_ms(), start) * 2 + 20
            try:
                await ready(sock, 1, start, min(limit, timeout_ms))
            except OSError:
                return sock
            sock.readinto(one)
            return sock
        except BaseException as error:
            sock.close()
            raw.close()  # a failed handshake leaves it open
            if isinstance(error, (OSError, ValueError)):
                from .advice import tls_error

                error = tls_error(error, host, port, self._mine, self._seen)
            raise error

    def explain(self, error):
        """Returns what an error of the socket means and what to do; None if TLS has no part."""
        from .advice import tls_fault

        return tls_fault(error, self._mine)

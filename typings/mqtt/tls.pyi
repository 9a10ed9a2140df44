from .transport import _Socket

class TLS:
    def __init__(
        self,
        authorities: str | bytes | tuple[str | bytes, ...] | list[str | bytes] | None = None,
        server_hostname: str | None = None,
        certificate: str | bytes | None = None,
        key: str | bytes | None = None,
        psk: tuple[str | bytes, bytes] | None = None,
        verify: bool = True,
    ) -> None: ...
    async def __call__(self, host: str, port: int, timeout_ms: int) -> _Socket: ...
    def explain(self, error: OSError | ValueError) -> str | None: ...

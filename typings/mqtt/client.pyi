from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from .packet import Refused as Refused
from .router import Route as Route, _Handler
from .sender import (
    Delivery as Delivery,
    NotConnected as NotConnected,
    Sender as Sender,
    Timeout as Timeout,
)
from .session import Session as Session, _Payload, _Will
from .topic import _Text
from .transport import _Transport

_Farewell: TypeAlias = (
    tuple[_Text, _Payload] | tuple[_Text, _Payload, int] | tuple[_Text, _Payload, int, bool | int]
)

class Client(Sender):
    host: str | None
    port: int | None
    transport: _Transport
    early: bool
    gate: Callable[[], Awaitable[object]] | None
    on_connected: Callable[[bool], Awaitable[object]] | None
    on_disconnected: Callable[[str, int], object] | None
    on_error: Callable[[Exception], object]
    connect_ms: int
    steady_ms: int
    backoff_base_ms: int
    backoff_cap_ms: int
    handlers: int
    def __init__(
        self,
        client_id: _Text,
        host: str | Sequence[str | tuple[str, int]],
        port: int = 1883,
        *,
        user: _Text | None = None,
        password: _Text | None = None,
        keep_alive: int = 60,
        clean: bool = True,
        will: _Will | None = None,
        window: int = 8,
        buffer: int = 1024,
    ) -> None: ...
    def subscribe_always(self, topic_filter: _Text, handler: _Handler, qos: int = 0) -> Route: ...
    async def subscribe(self, topic_filter: _Text, handler: _Handler, qos: int = 0) -> int: ...
    async def unsubscribe(self, topic_filter: _Text) -> None: ...
    def drop(self, reason: str) -> None: ...
    def retry(self) -> None: ...
    async def stop(self, farewell: _Farewell | None = None, timeout_ms: int = 2000) -> None: ...
    def run(self) -> Coroutine[Any, Any, None]: ...

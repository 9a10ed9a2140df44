from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias, overload

from .packet import Refused
from .session import Session, _Payload
from .topic import _Text
from .transport import _Socket

MQTTException = Refused

_Callback: TypeAlias = Callable[[bytes, bytes], object]
_OfViews: TypeAlias = Callable[[memoryview, memoryview, int, int, int], object]

class MQTTClient:
    timeout: float
    server: str
    port: int
    ssl: Any
    ssl_params: dict[str, Any]
    sock: _Socket | None
    session: Session
    window: int
    cb: _Callback | _OfViews | None
    def __init__(
        self,
        client_id: _Text,
        server: str,
        port: int = 0,
        user: _Text | None = None,
        password: _Text | None = None,
        keepalive: int = 0,
        ssl: Any = None,
        ssl_params: dict[str, Any] = {},
        window: int = 8,
        buffer: int = 1024,
    ) -> None: ...
    @overload
    def set_callback(self, f: _Callback | None, views: Literal[False] = False) -> None: ...
    @overload
    def set_callback(self, f: _OfViews | None, views: Literal[True]) -> None: ...
    def set_last_will(
        self, topic: _Text, msg: _Text, retain: bool | int = False, qos: int = 0
    ) -> None: ...
    def connect(self, clean_session: bool = True, timeout: float | None = None) -> bool: ...
    def disconnect(self) -> None: ...
    def ping(self) -> None: ...
    def publish(
        self, topic: _Text, msg: _Payload, retain: bool | int = False, qos: int = 0
    ) -> None: ...
    def publish_many(
        self,
        messages: Iterable[tuple[_Text, _Payload]],
        retain: bool | int = False,
        qos: int = 1,
    ) -> None: ...
    def subscribe(self, topic: _Text, qos: int = 0) -> None: ...
    def unsubscribe(self, topic: _Text) -> None: ...
    def wait_msg(self) -> int | None: ...
    def check_msg(self) -> int | None: ...

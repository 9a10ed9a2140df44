from collections.abc import Awaitable, Iterator
from typing import Any

from .packet import MQTTError
from .session import Session, _Payload
from .topic import _Text

class NotConnected(MQTTError): ...
class Timeout(MQTTError): ...

class Delivery:
    deadline: int | None
    result: bytes | Exception | None
    def __init__(self, deadline: int | None) -> None: ...
    def finish(self, result: bytes | Exception | None) -> None: ...
    def done(self) -> bool: ...
    async def wait(self) -> bytes | None: ...

class Handed:
    end: StopIteration
    def __init__(self) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __await__(self) -> Iterator[Any]: ...
    def __next__(self) -> Any: ...
    def send(self, _: object) -> Any: ...

HANDED: Handed

async def turn() -> None: ...

class Sender:
    session: Session
    publish_ms: int
    connected: bool
    def __init__(self, session: Session) -> None: ...
    def publish(
        self,
        topic: _Text,
        payload: _Payload,
        qos: int = 0,
        retain: bool | int = False,
        timeout_ms: int | None = None,
    ) -> Awaitable[None]: ...
    def post(
        self,
        topic: _Text,
        payload: _Payload,
        qos: int = 1,
        retain: bool | int = False,
        timeout_ms: int | None = None,
    ) -> Delivery: ...

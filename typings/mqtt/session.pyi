from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .large import Source
from .packet import Overdue as Overdue, Refused as Refused, since as since
from .topic import _Raw, _Text

_Payload: TypeAlias = _Text | Source
_Will: TypeAlias = tuple[_Text, _Text, int, bool | int]

class Session:
    options: list[Any]
    window: int
    early: bool
    connack_ms: int
    response_ms: int
    on_message: Callable[[memoryview, memoryview, int], object] | None
    on_done: Callable[[Any, bool | bytes | None], object] | None
    on_piece: Callable[[str, memoryview, int, int], object] | None
    present: bool
    connected: bool
    tx: bytearray
    tx_len: int
    flight: list[tuple[Any, ...]]
    def __init__(
        self,
        client_id: _Text,
        user: _Text | None = None,
        password: _Text | None = None,
        keep_alive: int = 60,
        clean: bool = True,
        will: _Will | None = None,
        window: int = 8,
        buffer: int = 1024,
    ) -> None: ...
    def open(self, now: int, ticket: Any = None) -> None: ...
    def close(self) -> list[Any]: ...
    def publish(
        self,
        topic: bytes,
        payload: _Raw | Source,
        qos: int,
        retain: bool | int,
        now: int,
        ticket: Any = None,
    ) -> int: ...
    def ask(
        self, first: int, filters: Sequence[tuple[bytes, int]], now: int, ticket: Any = None
    ) -> int: ...
    def ping(self, now: int) -> None: ...
    def disconnect(self) -> None: ...
    def forget(self, ticket: Any) -> None: ...
    def find(self, packet_id: int) -> int: ...
    def sent(self, count: int, now: int) -> None: ...
    def space(self) -> memoryview: ...
    def received(self, count: int, now: int) -> None: ...
    def receive(self, now: int) -> bool: ...
    def tick(self, now: int) -> int: ...

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from .topic import _Text

_Handler: TypeAlias = Callable[[str, memoryview, int, int, int], object]

def matches(levels: Sequence[str], topic_levels: Sequence[str]) -> bool: ...

class Route:
    filter: bytes
    name: str
    levels: list[str] | None
    raw: bytearray
    handler: _Handler | None
    qos: int
    granted: int | None
    def __init__(self, topic_filter: _Text, handler: _Handler | None, qos: int) -> None: ...

def route(
    routes: Iterable[Route],
    topic: memoryview,
    payload: memoryview,
    first: int,
    call: Callable[[Route, str, memoryview, int], object],
) -> None: ...

"""Many writers share one transaction: whoever comes while a commit is under way waits, and the next commit takes all of them.

A durable commit costs a few milliseconds however much is in it. No thread of its own: the first who waits does the work for the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

# More than this in one transaction makes everybody wait for the slowest.
MOST_AT_ONCE = 256


class GroupCommit(Generic[T, R]):
    """Hands waiting items to `commit` together; it answers each with a result or the error that is that item's alone."""

    def __init__(self, commit: Callable[[Sequence[T]], Sequence[R | Exception]], most: int = MOST_AT_ONCE) -> None:
        self._commit, self._most = commit, most
        self._lock = threading.Lock()
        self._waiting: list[_Place[T, R]] = []
        self._led = False

    def submit(self, item: T) -> R:
        """Return what became of an item once it is committed; raise its error, or the error that kept everything from being committed."""
        place: _Place[T, R] = _Place(item)
        with self._lock:
            self._waiting.append(place)
            leads, self._led = not self._led, True
        if not leads:
            place.woken.wait()
        if place.answer is None:
            self._lead()
        answer = place.answer
        if isinstance(answer, _Failed):
            raise answer.error
        return cast(tuple[R], answer)[0]

    def _lead(self) -> None:
        """Commit for everybody who waits, the caller among them, then wake the next leader."""
        with self._lock:
            batch = self._waiting[: self._most]
            del self._waiting[: self._most]
        try:
            answers = list(self._commit([p.item for p in batch]))
            for place, answer in zip(batch, answers, strict=True):
                place.answer = _Failed(answer) if isinstance(answer, Exception) else (answer,)
        except BaseException as error:  # noqa: BLE001 - whoever waits must learn of it, whatever it is
            for place in batch:
                place.answer = _Failed(error)
        finally:
            with self._lock:
                self._led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].woken.set()
            for place in batch:
                place.woken.set()


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Place(Generic[T, R]):
    """Somebody who waits, and what became of the item: None while nothing did."""

    __slots__ = ("answer", "item", "woken")

    def __init__(self, item: T) -> None:
        self.item = item
        self.woken = threading.Event()
        self.answer: tuple[R] | _Failed | None = None

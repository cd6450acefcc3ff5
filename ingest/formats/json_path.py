"""Places in JSON: `a.b[0].c`, `["a name.with dots"]`, and `[*]` for every element of an array. Nothing more of JSONPath."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from foundation.errors import BadInput

MOST_STEPS = 16
MISSING = object()

_STEP = re.compile(r"""(?:^|(?<=.)\.)([^.\[\]"']+)|\[([0-9]{1,6})\]|\[(\*)\]|\["([^"]+)"\]""")
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path; `every` is the step at which it takes all elements, -1 where it names one place."""

    text: str
    steps: tuple[str | int, ...]
    every: int = -1

    def find(self, told: Any) -> Any:
        """Return what stands there, MISSING where nothing does; only for a path that names one place."""
        return _walk(told, self.steps)

    def find_all(self, told: Any) -> list[tuple[int, Any]]:
        """Return what stands at every place with its index in the array; one with index 0 for a path that names one place."""
        if self.every < 0:
            found = _walk(told, self.steps)
            return [] if found is MISSING else [(0, found)]
        array = _walk(told, self.steps[: self.every])
        if type(array) is not list:
            return []
        rest = self.steps[self.every + 1 :]
        found_all = [(n, _walk(element, rest)) for n, element in enumerate(array)]
        return [(n, value) for n, value in found_all if value is not MISSING]


def parse_path(text: str) -> Path:
    """Return a path; raise BadInput where it cannot be read."""
    steps: list[str | int] = []
    at, every = 0, -1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or len(steps) >= MOST_STEPS:
            break
        name, index, star, quoted = found.groups()
        if star:
            if every >= 0:
                raise BadInput("a path takes every element of two arrays", expected="[*] once", got=text[:60])
            every = len(steps)
        steps.append(_EVERY if star else int(index) if index else quoted or name)
        at = found.end()
    if at < len(text) or not steps:
        raise BadInput("this path cannot be read", expected='such as sensors[0].value, data[*] or ["a name"]', got=text[:60])
    return Path(text, tuple(steps), every)


def _walk(told: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        if type(step) is str:
            if type(told) is not dict or step not in told:
                return MISSING
            told = told[step]
        else:
            if type(told) is not list or int(step) >= len(told):
                return MISSING
            told = told[int(step)]
    return told

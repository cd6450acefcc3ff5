"""The words of quality control (QARTOD): which tests there are, what each may say, and how their worst becomes a reading's flag.

A reading keeps every test's result beside its value, four bits a test, in `tests`. 0 means that the test does not apply to this
reading, else it is one of the flags 1, 2, 3, 4, 9. The value itself is never changed.
"""

from __future__ import annotations

from typing import Any

from ingest.reading import FAIL, GOOD, MISSING, NOT_EVALUATED, SUSPECT

# The order of the four-bit results in `tests`, the lowest first. An order that is stored: never changed, and there is room for no more.
TESTS = ("time", "gross_range", "climatology", "step", "spike", "flat_line", "neighbour", "internal")
TIME, GROSS_RANGE, CLIMATOLOGY, STEP, SPIKE, FLAT_LINE, NEIGHBOUR, INTERNAL = range(8)
RESULTS = (0, GOOD, NOT_EVALUATED, SUSPECT, FAIL, MISSING)

# A clock this far ahead of ours is wrong; a little is only drift.
FUTURE_SUSPECT_MS = 300_000
FUTURE_FAIL_MS = 86_400_000
# No gateway of ours existed before: 1970 and GPS-week stamps fall here.
FIRST_SENSIBLE_MS = 1_262_304_000_000  # 2010-01-01

_ONES = 0x11111111


def pack(results: dict[str, int]) -> int:
    """Return the results of tests by name as one number."""
    return sum(result << (4 * TESTS.index(test)) for test, result in results.items())


def unpack(tests: int) -> dict[str, int]:
    """Return the result of each test that applied, by name."""
    found = ((test, (tests >> (4 * k)) & 15) for k, test in enumerate(TESTS))
    return {test: result for test, result in found if result}


def result_of(tests: Any, test: int) -> Any:
    """Return one test's results out of an array of `tests`."""
    import numpy as np

    return ((np.asarray(tests, dtype=np.uint32) >> np.uint32(4 * test)) & np.uint32(15)).astype(np.uint8)


def with_result(tests: Any, test: int, results: Any) -> Any:
    """Return an array of `tests` with one test's results replaced."""
    import numpy as np

    kept = np.asarray(tests, dtype=np.uint32) & np.uint32(~(15 << (4 * test)) & 0xFFFFFFFF)
    return kept | (np.asarray(results, dtype=np.uint32) << np.uint32(4 * test))


def sql_result(test: str, column: str = "tests") -> str:
    """Return the SQL expression for one test's result."""
    return f"(({column} >> {4 * TESTS.index(test)}) & 15)"


def worst(tests: Any) -> Any:
    """Return the flag of each reading (uint8): fail, else suspect, else missing, else good, else not evaluated.

    A test that could not be made hides nothing: a reading is good when at least one test of its value was passed and none failed. The
    time test says nothing of the value, so that alone it makes no reading good.
    """
    import numpy as np

    t = np.asarray(tests, dtype=np.uint32)
    flags = np.full(t.shape, NOT_EVALUATED, dtype=np.uint8)
    # Bit patterns of a result: 1 = 0001, 2 = 0010, 3 = 0011, 4 = 0100, 9 = 1001.
    flags[(t & ~(t >> np.uint32(1)) & np.uint32(_ONES & ~15)) != 0] = GOOD
    flags[(t & np.uint32(_ONES << 3)) != 0] = MISSING
    flags[(t & (t >> np.uint32(1)) & np.uint32(_ONES)) != 0] = SUSPECT
    flags[(t & np.uint32(_ONES << 2)) != 0] = FAIL
    return flags

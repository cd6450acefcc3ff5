"""Trace codes: what is printed on a label. 80 random bits as 16 Crockford base-32 characters and a check character.

Codes whose check character would be one of * ~ $ = U are drawn again: people type these on a phone.

A code says nothing and cannot be guessed: at a million lots and a thousand tries a second, a hit takes some 38 million years.
"""

from __future__ import annotations

from collections.abc import Callable

from foundation.ids import crockford_decode, crockford_encode

CODE_BYTES = 10
_AWKWARD = "*~$=U"
RandomBytes = Callable[[int], bytes]


def new_code(random_bytes: RandomBytes) -> str:
    """Return a new code without dashes: 16 characters and the check character."""
    while True:
        code = crockford_encode(random_bytes(CODE_BYTES))
        if code[-1] not in _AWKWARD:
            return code


def read_code(text: str) -> str:
    """Return the stored form of a code as a person wrote it: any case, dashes, O for 0, I or L for 1.

    Raises:
        BadInput: not 16 characters and a check character, or a mistyped one.

    """
    return crockford_encode(crockford_decode(text, CODE_BYTES))


def seal_text(lot: str, code: str) -> bytes:
    """Return what the log's key signs when it gives a lot its code, so that codes swapped in the database are found."""
    return f"suhe/code/v1\n{lot}\n{code}\n".encode()

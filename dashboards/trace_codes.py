"""Trace codes as people type them: the canonical form, and what is wrong with one that cannot be right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dashboards.i18n import Translate
from dashboards.joining import listed
from foundation.errors import BadInput
from foundation.ids import crockford_decode, crockford_encode, in_fours

CODE_BYTES = 10
LENGTH = 17  # sixteen characters and the check character
_ALLOWED = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_CHECK_ONLY = set("*~$=U")
_READ_AS = {"I", "L", "O"}


@dataclass(frozen=True, slots=True)
class Mistyped:
    """A code that cannot be one of ours: its groups of four, each marked wrong or not, and the reason in words."""

    groups: tuple[tuple[str, bool], ...]
    reason: str


def canonical(entered: str) -> str:
    """Return the one printed form of a code typed in any case, with spaces or dashes, O for 0, I or L for 1.

    Raises:
        BadInput: it cannot be a code of ours.
    """
    return in_fours(crockford_encode(crockford_decode(cleaned(entered), CODE_BYTES)))


def cleaned(entered: str) -> str:
    """Return what was typed without spaces, dashes of any kind and full-width forms."""
    text = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in entered)
    return "".join(c for c in text.upper() if not c.isspace() and c not in "-‐‑‒–—−_·.")[:40]


def mistyped(entered: str, lang: str, t: Translate) -> Mistyped:
    """Return what is wrong with a code that `canonical` refused, as exactly as the check character allows."""
    text = cleaned(entered)
    foreign = {k for k, c in enumerate(text) if c not in _ALLOWED | _READ_AS and not (k == LENGTH - 1 and c in _CHECK_ONLY)}
    groups = [(text[k : k + 4], bool(foreign & set(range(k, k + 4)))) for k in range(0, len(text), 4)]
    if foreign:
        what = listed(dict.fromkeys(text[k] for k in sorted(foreign)), lang)
        where = listed((str(k) for k in sorted({k // 4 + 1 for k in foreign})), lang)
        reason = t("第 %(where)s 组里的“%(what)s”不是追溯码用的字符，请和标签对照。", where=where, what=what)
    elif len(text) != LENGTH:
        last = len(groups) - 1
        groups = [(g, k == last and (len(text) > LENGTH or len(g) < 4)) for k, (g, _) in enumerate(groups)]
        if len(text) < LENGTH:
            reason = t("少了 %(n)s 个字符：追溯码一共 %(all)s 个，这里只有 %(got)s 个。", n=LENGTH - len(text), all=LENGTH, got=len(text))
        else:
            reason = t("多了 %(n)s 个字符：追溯码一共 %(all)s 个，这里有 %(got)s 个。", n=len(text) - LENGTH, all=LENGTH, got=len(text))
    else:
        reason = t("校验字符“%(check)s”和前面 16 个字符对不上：有一个字符打错了，或者两个字符换了位置。请逐组和标签对照。", check=text[-1])
    return Mistyped(tuple(groups), reason)


def is_code(entered: str) -> bool:
    """Return whether what was typed can be a code of ours."""
    try:
        canonical(entered)
    except BadInput:
        return False
    return True


@lru_cache(maxsize=8192)
def is_printed(code: str) -> bool:
    """Return whether this is a code of ours exactly as it is printed."""
    try:
        return canonical(code) == code
    except BadInput:
        return False

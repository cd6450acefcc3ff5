"""Joining words: the comma of a list, the comma of a clause and the colon differ between the languages."""

from __future__ import annotations

from collections.abc import Iterable

from dashboards.i18n import CHINESE


def listed(words: Iterable[str], lang: str) -> str:
    """Return words as a list: 甲、乙 or A, B; empty ones are left out."""
    return ("、" if lang == CHINESE else ", ").join(w for w in words if w)


def clauses(parts: Iterable[str], lang: str) -> str:
    """Return parts of a sentence one after another: 甲，乙 or A, B; empty ones are left out."""
    return ("，" if lang == CHINESE else ", ").join(p for p in parts if p)


def sentences(parts: Iterable[str], lang: str) -> str:
    """Return whole sentences one after another; empty ones are left out."""
    return ("" if lang == CHINESE else " ").join(p for p in parts if p)


def named(name: str, what: str, lang: str) -> str:
    """Return a name, a colon and what is said of it."""
    return f"{name}：{what}" if lang == CHINESE else f"{name}: {what}"

"""A code is read however a person types it, and a wrong one is answered with what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.trace_codes import canonical, is_code, mistyped
from foundation.ids import crockford_encode, in_fours


def t(message: str, **values: object) -> str:
    return message % values if values else message


@given(st.binary(min_size=10, max_size=10))
def test_every_way_of_typing_a_code_leads_to_one_form(value: bytes) -> None:
    """Lower case, spaces, long dashes, full width, O for 0 and l for 1 all read as the printed code."""
    printed = in_fours(crockford_encode(value))
    for typed in (
        printed.lower(),
        printed.replace("-", " "),
        printed.replace("-", "—"),
        printed.replace("-", ""),
        printed[:-1].replace("0", "o").replace("1", "l") + printed[-1],
        "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in printed),
    ):
        assert canonical(typed) == printed


def test_a_foreign_character_is_named_with_its_group() -> None:
    """A letter that codes never have is pointed at."""
    wrong = mistyped("0000-00?0-0000-0000-0", "zh-Hans", t)
    assert [g for g, bad in wrong.groups if bad] == ["00?0"]
    assert "第 2 组" in wrong.reason
    assert "?" in wrong.reason


@pytest.mark.parametrize(("typed", "said"), [("0000-000", "少了 10 个"), ("0000-0000-0000-0000-00", "多了 1 个")])
def test_a_wrong_length_is_counted(typed: str, said: str) -> None:
    """Too short and too long say by how much."""
    assert said in mistyped(typed, "zh-Hans", t).reason


@given(st.binary(min_size=10, max_size=10), st.integers(0, 15), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_character_never_passes(value: bytes, at: int, other: str) -> None:
    """Any single mistyped character is caught by the check character and said so."""
    code = crockford_encode(value)
    typed = code[:at] + other + code[at + 1 :]
    if typed != code:
        assert not is_code(typed)
        assert "对不上" in mistyped(typed, "zh-Hans", t).reason


@given(st.text(max_size=60))
def test_no_text_breaks_the_explanation(typed: str) -> None:
    """Whatever is typed, it is either a code or explained."""
    if not is_code(typed):
        assert mistyped(typed, "zh-Hans", t).reason

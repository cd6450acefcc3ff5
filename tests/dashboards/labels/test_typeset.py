"""How labels are set: everything inside, nothing on top of another, legible, and what may not be cut is whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.labels.sheets import SHEETS, Label, Sheet
from dashboards.labels.typeset import LEAST_CODE_MM, LEAST_MM, LEAST_MODULE_MM, QUIET_MODULES, SetLabel, typeset, wrap
from foundation.errors import BadInput


def measure(words: str) -> float:
    """Return a width as most typefaces have it: Chinese characters one em, letters little more than half."""
    return sum(1.0 if ord(c) >= 0x2E80 else 0.62 for c in words)


NAMES = st.text(st.sampled_from("羊角蜜甜瓜莘县基地合作社（），。 Melon of the winter-crop"), min_size=1, max_size=120).filter(
    lambda s: s == s.strip() != ""
)


def label_of(
    zh: str = "羊角蜜", en: str = "Melon", producer: str = "合作社", packer: str = "", lot: str = "P1", host: str = "a.cn"
) -> Label:
    code = "7K3M-9Q2X-ABCD-EFGH-J"
    return Label(zh, en, "2026-08-06", "莘县燕店基地", producer, packer, lot, code, f"https://{host}/t/{code}")


@settings(max_examples=120, deadline=None)
@given(zh=NAMES, en=NAMES, producer=NAMES, packer=NAMES | st.just(""),
       lot=st.sampled_from(["P1", "sx-12-g2-260806-n363616-03a"]), sheet=st.sampled_from(list(SHEETS.values())),
       host=st.sampled_from(["a.cn", "trace.shenxian.example.gov.cn", "127.0.0.1:8460"]))  # fmt: skip
def test_everything_lies_inside_and_nothing_overlaps(
    zh: str, en: str, producer: str, packer: str, lot: str, sheet: Sheet, host: str
) -> None:
    """Whatever the names, lines lie inside the inset, apart from each other and from the code's quiet zone, at a legible size.

    The code, the lot's number and the domain are never cut.
    """
    label = label_of(zh, en, producer, packer, lot, host)
    placed = typeset(label, sheet, measure)
    quiet = QUIET_MODULES * placed.code.module
    zone = (
        placed.code.x - quiet,
        placed.code.y - quiet,
        placed.code.x + placed.code.side + quiet,
        placed.code.y + placed.code.side + quiet,
    )
    boxes = [(line.x, line.y - 0.9 * line.size, line.x + line.width, line.y + 0.2 * line.size) for line in placed.lines]
    for box in (*boxes, zone):
        assert sheet.inset - 0.01 <= box[0] and box[2] <= sheet.width - sheet.inset + 0.01
        assert sheet.inset - 0.01 <= box[1] and box[3] <= sheet.height - sheet.inset + 0.01
    everything = [*boxes, zone]
    assert not [(a, b) for k, a in enumerate(everything) for b in everything[k + 1 :] if _overlap(a, b)]
    assert all(line.size >= LEAST_MM - 1e-9 for line in placed.lines)
    assert placed.code.side >= LEAST_CODE_MM and placed.code.module >= LEAST_MODULE_MM
    assert _said(placed, "code") == label.code
    assert _said(placed, "lot") == f"批号{lot}"
    assert _said(placed, "domain") == host


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > 0.01 and min(a[3], b[3]) - max(a[1], b[1]) > 0.01


def _said(placed: SetLabel, kind: str) -> str:
    return "".join(line.words for line in placed.lines if line.kind == kind).replace(" ", "")


def test_a_long_name_is_whole_where_it_fits_and_ends_in_an_ellipsis_where_not() -> None:
    """Forty characters are wrapped and kept; on the smallest label a hundred are cut, and one sees that they are."""
    name = "特早熟高糖薄皮羊角蜜甜瓜" * 3
    assert _said(typeset(label_of(name), SHEETS["a4-2x5"], measure), "product") == name
    cut = _said(typeset(label_of(name * 3, "Melon", "合作社" * 30), SHEETS["roll-60x40"], measure), "product")
    assert cut.endswith("…") and name.startswith(cut[:-1][:12])


def test_a_label_too_small_for_its_address_is_refused() -> None:
    """An address that would make dots no cheap printer draws, or words that would not fit, is an error that says what to do."""
    with pytest.raises(BadInput, match="SUHE_PUBLIC_URL"):
        typeset(label_of(host="x" * 400 + ".cn"), SHEETS["a4-3x8"], measure)
    with pytest.raises(BadInput, match="SUHE_PUBLIC_URL"):
        typeset(label_of(host="x" * 4000 + ".cn"), SHEETS["a4-3x8"], measure)
    with pytest.raises(BadInput, match="larger labels"):
        typeset(label_of("香" * 99, "M" * 99, "社" * 99, "厂" * 99, "x" * 64, "trace.shenxian.example.gov.cn"), SHEETS["a4-3x8"], measure)
    with pytest.raises(BadInput):
        label_of(host="")


@given(st.text(min_size=1, max_size=200), st.floats(1, 30))
def test_wrapping_loses_no_character(words: str, width: float) -> None:
    """Lines put together again are the words, but for the blanks at which they were broken."""
    assert "".join("".join(line.split()) for line in wrap(words, width, measure)) == "".join(words.split())


def test_lines_break_where_a_reader_expects_it() -> None:
    """English breaks at blanks and dashes, Chinese between characters, no line begins with a comma."""
    assert wrap("Melon of the winter-crop", 7, measure) == ["Melon of", "the winter-", "crop"]
    assert wrap("莘县燕店，基地", 4, measure) == ["莘县燕", "店，基地"]


def test_a_sheet_that_does_not_fit_its_page_is_refused() -> None:
    """Labels that run over the page are a typing error in the table."""
    with pytest.raises(BadInput):
        Sheet("x", 210, 297, 3, 9, 70, 37)

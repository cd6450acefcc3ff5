"""How a label is set: sizes shrink and lines wrap until everything fits, the code keeps its size, and what may not be cut is not cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboards.labels.sheets import Label, Sheet
from foundation.errors import BadInput

# Width of a text in em.
Measure = Callable[[str], float]

MM_PER_PT = 25.4 / 72
# 1.8 mm is the least height of a character on a food's label (GB 7718); a Chinese character fills 0.92 em.
LEAST_MM = 1.8 / 0.92
LINE = 1.22
ASCENT = 0.9
# Phones of all ages read a code of 20 mm at arm's length; a printer of 203 dpi draws 0.375 mm in three whole dots.
LEAST_CODE_MM = 20.0
MOST_CODE_MM = 36.0
LEAST_MODULE_MM = 0.375
QUIET_MODULES = 4
GUTTER_MM = 1.2
# How much larger than the rest a product's name may stand.
_MOST_CONTRAST = 2.2
_SCALES = tuple(s / 100 for s in range(180, 35, -5))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; x and the baseline y from the label's top left corner, everything in mm. `kind` says what it is."""

    kind: str
    words: str
    x: float
    y: float
    size: float
    width: float


@dataclass(frozen=True, slots=True)
class Code:
    """The code's dark modules as (column, row, length) runs, its corner without the quiet zone, and the side of a module in mm."""

    x: float
    y: float
    module: float
    modules: int
    runs: tuple[tuple[int, int, int], ...]

    @property
    def side(self) -> float:
        """The side of the code without its quiet zone."""
        return self.module * self.modules


@dataclass(frozen=True, slots=True)
class SetLabel:
    """A label ready to be drawn."""

    lines: tuple[Line, ...]
    code: Code


@dataclass(frozen=True, slots=True)
class _Block:
    """Words that belong together, their size and the gap above at scale 1. A code, a number, an address are never `cut` short."""

    kind: str
    words: str
    size: float
    gap: float
    cut: bool = True


def typeset(label: Label, sheet: Sheet, measure: Measure) -> SetLabel:
    """Return the label set for a sheet: text left, code right, the domain below the code or, where it is long, at the end of the text.

    Raises:
        BadInput: the address or a name is too long for this sheet's labels.

    """
    width, height = sheet.width - 2 * sheet.inset, sheet.height - 2 * sheet.inset
    size, runs = _modules(label.address)
    domain_mm = max(LEAST_MM, 2.2 * min(1.2, height / 29))
    below = domain_mm * LINE
    side = min(height - below, width / 2, MOST_CODE_MM)
    quiet = side * QUIET_MODULES / (size + 2 * QUIET_MODULES)
    # The domain may run as wide as the code with its quiet zone.
    if measure(label.domain) * LEAST_MM > side:
        below = 0.0
        side = min(height, width / 2, MOST_CODE_MM)
        quiet = side * QUIET_MODULES / (size + 2 * QUIET_MODULES)
    module = side / (size + 2 * QUIET_MODULES)
    if module * size < LEAST_CODE_MM or module < LEAST_MODULE_MM:
        raise BadInput(
            "the code does not fit on this label at a size phones can read",
            expected=f"a code of {LEAST_CODE_MM:.0f} mm with modules of {LEAST_MODULE_MM} mm",
            got=f"{module * size:.1f} mm, {module:.2f} mm for an address of {len(label.address)} characters",
            todo="choose larger labels, or a shorter SUHE_PUBLIC_URL",
        )
    left = sheet.inset + width - side
    top = sheet.inset + (height - side - below) / 2
    lines: list[Line] = []
    if below:
        fitting = min(domain_mm, side / max(measure(label.domain), 0.01))
        long = measure(label.domain) * fitting
        lines.append(Line("domain", label.domain, left + (side - long) / 2, top + side + ASCENT * fitting, fitting, long))
    blocks = _blocks(label, in_text=not below)
    lines += _column(blocks, sheet.inset, sheet.inset, width - side - GUTTER_MM, height, measure)
    return SetLabel(tuple(lines), Code(left + quiet, top + quiet, module, size, runs))


def wrap(words: str, width: float, measure: Measure) -> list[str]:
    """Return `words` in lines no wider than `width` em, broken at spaces and dashes and between Chinese characters, else anywhere."""
    lines: list[str] = []
    rest = words
    while rest:
        fits = next((k for k in range(len(rest), 1, -1) if measure(rest[:k].rstrip()) <= width), 1)
        if fits < len(rest):
            # A break that leaves most of a line empty is worse than one inside a word.
            fits = next((k for k in range(fits, fits // 2, -1) if _breaks(rest, k)), fits)
        lines.append(rest[:fits].rstrip())
        rest = rest[fits:].lstrip()
    return lines or [""]


def _breaks(words: str, k: int) -> bool:
    """Whether a line may end before the k-th character."""
    before, after = words[k - 1], words[k]
    if after in "，。、；：）》” ,.;:)":
        return False
    return before in " -/" or after == " " or ord(before) >= 0x2E80 or ord(after) >= 0x2E80


def _blocks(label: Label, *, in_text: bool) -> list[_Block]:
    """Return what stands in the text column, from the top; sizes in mm at scale 1."""
    fields = (("产地", label.place), ("生产", label.producer), ("包装", label.packer))
    return [
        _Block("product", label.product_zh, 3.9, 0),
        _Block("english", label.product_en, 2.3, 0.3),
        _Block("harvested", f"采收 {label.harvested}", 2.3, 0.25, cut=False),
        *(_Block("field", f"{name} {value}", 2.3, 0.25) for name, value in fields if value),
        _Block("lot", f"批号 {label.lot}", 2.3, 0.25, cut=False),
        _Block("code", label.code, 2.3, 0.5, cut=False),
        *([_Block("domain", label.domain, 2.3, 0.3, cut=False)] if in_text else []),
    ]


def _column(blocks: list[_Block], x: float, y: float, width: float, height: float, measure: Measure) -> list[Line]:
    """Return the blocks as lines in a column, in the middle of its height: at the largest scale at which everything fits uncut.

    Only where the smallest legible type does not help are names cut, the product's last.
    """
    for most_lines in ((None, None), (2, 2), (2, 1), (1, 1)):
        for scale in _SCALES:
            placed = _fit(blocks, scale, width, measure, most_lines)
            total = sum(b.gap * scale + len(words) * size * LINE for b, (size, words) in zip(blocks, placed, strict=True))
            if total <= height:
                return _place(blocks, placed, scale, x, y + (height - total) / 2, measure)
    raise BadInput(
        "the words do not fit on this label",
        expected=f"{width:.0f} x {height:.0f} mm of text",
        got=", ".join(b.words for b in blocks)[:160],
        todo="choose larger labels",
    )


def _fit(
    blocks: list[_Block], scale: float, width: float, measure: Measure, most_lines: tuple[int | None, int | None]
) -> list[tuple[float, list[str]]]:
    """Return the size and the lines of each block at a scale; below the product's name everything has one size.

    `most_lines` are the lines the product's name and the other names may have, None for as many as they need.
    """
    sizes = []
    for block in blocks:
        size, whole = max(block.size * scale, LEAST_MM), width / max(measure(block.words), 0.01)
        # What nearly fits in one line is made a little smaller rather than broken; a code or a number much smaller.
        sizes.append(min(size, whole) if whole >= max(LEAST_MM, size * (0.8 if block.cut else 0)) else size)
    small = min(sizes[1:])
    sizes = [min(sizes[0], small * _MOST_CONTRAST), *(small for _ in sizes[1:])]
    lines = [_lines(b, size, width, measure, most_lines[k > 0]) for k, (b, size) in enumerate(zip(blocks, sizes, strict=True))]
    return list(zip(sizes, lines, strict=True))


def _lines(block: _Block, size: float, width: float, measure: Measure, most_lines: int | None) -> list[str]:
    lines = wrap(block.words, width / size, measure)
    if block.cut and most_lines and len(lines) > most_lines:
        last = lines[most_lines - 1]
        while last and measure(last + "…") * size > width:
            last = last[:-1]
        lines = [*lines[: most_lines - 1], last + "…"]
    return lines


def _place(blocks: list[_Block], placed: list[tuple[float, list[str]]], scale: float, x: float, top: float, measure: Measure) -> list[Line]:
    lines, y = [], top
    for block, (size, words) in zip(blocks, placed, strict=True):
        y += block.gap * scale
        for one in words:
            lines.append(Line(block.kind, one, x, y + ASCENT * size, size, measure(one) * size))
            y += size * LINE
    return lines


def _modules(address: str) -> tuple[int, tuple[tuple[int, int, int], ...]]:
    """Return how many modules the code of an address has on a side, and the dark ones as runs in rows."""
    import segno

    try:
        code = segno.make(address, error="m", micro=False)
    except segno.DataOverflowError as error:
        raise BadInput("this address is too long for a code", got=address[:120], todo="shorten SUHE_PUBLIC_URL") from error
    runs = []
    for row, modules in enumerate(code.matrix):
        start = None
        for column, dark in enumerate([*modules, 0]):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                runs.append((start, row, column - start))
                start = None
    return len(code.matrix), tuple(runs)

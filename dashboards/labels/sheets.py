"""A label, and the sheets of labels one can buy: where each label lies on the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from foundation.errors import BadInput

# A print run: enough for a day's crates, and a bound for what one request may cost.
MOST_LABELS = 5000


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says. The printed words are Chinese, as its readers are; the product's English name stands below."""

    product_zh: str
    product_en: str
    harvested: str
    place: str
    producer: str
    packer: str
    lot: str
    code: str
    address: str

    def __post_init__(self) -> None:
        if not urlsplit(self.address).netloc:
            raise BadInput("this is no address to print into a code", expected="https://name/t/CODE", got=self.address[:120])

    @property
    def domain(self) -> str:
        """Whose page the code opens: printed in plain letters, so that a pasted-over code is noticed."""
        return urlsplit(self.address).netloc


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page with labels in columns and rows, in millimetres. `inset` keeps print away from a label's edge.

    The inset is wide where labels touch each other and the page's edge: office printers leave 4.2 mm blank there, and a die cut lies
    up to 1 mm aside. A roll is a page of one label.
    """

    id: str
    page_width: float
    page_height: float
    columns: int
    rows: int
    width: float
    height: float
    left: float = 0.0
    top: float = 0.0
    gap_x: float = 0.0
    gap_y: float = 0.0
    inset: float = 2.0

    def __post_init__(self) -> None:
        right = self.left + self.columns * self.width + (self.columns - 1) * self.gap_x
        bottom = self.top + self.rows * self.height + (self.rows - 1) * self.gap_y
        if self.columns < 1 or self.rows < 1 or right > self.page_width + 0.01 or bottom > self.page_height + 0.01:
            raise BadInput("these labels do not fit on their page", expected=f"{self.page_width} x {self.page_height} mm", got=self.id)

    @property
    def per_page(self) -> int:
        """How many labels a page holds."""
        return self.columns * self.rows

    def corner(self, position: int) -> tuple[float, float]:
        """Return the top left corner of a place on the page; places are counted from 0, row by row."""
        row, column = divmod(position, self.columns)
        return self.left + column * (self.width + self.gap_x), self.top + row * (self.height + self.gap_y)

    def pages(self, count: int, start: int) -> int:
        """Return how many pages `count` labels need when the first lies on place `start`, counted from 1."""
        return -(-(count + start - 1) // self.per_page)

    def places(self, count: int, start: int) -> Iterator[tuple[int, float, float]]:
        """Yield page and corner of each label."""
        for k in range(start - 1, start - 1 + count):
            page, position = divmod(k, self.per_page)
            yield page, *self.corner(position)


SHEETS = {
    sheet.id: sheet
    for sheet in (
        Sheet("a4-3x8", 210, 297, 3, 8, 70, 37, top=0.5, inset=4.2),
        Sheet("a4-3x7", 210, 297, 3, 7, 63.5, 38.1, left=7.25, top=15.15, gap_x=2.5),
        Sheet("a4-2x7", 210, 297, 2, 7, 99.1, 38.1, left=4.65, top=15.15, gap_x=2.5),
        Sheet("a4-2x5", 210, 297, 2, 5, 105, 57, top=6, inset=4.2),
        Sheet("roll-60x40", 60, 40, 1, 1, 60, 40),
        Sheet("roll-100x70", 100, 70, 1, 1, 100, 70, inset=3),
    )
}
USUAL_SHEET = "a4-3x8"


def sheet_of(sheet_id: str) -> Sheet:
    """Return a sheet by its id."""
    try:
        return SHEETS[sheet_id]
    except KeyError:
        raise BadInput("there is no such sheet of labels", expected=", ".join(SHEETS), got=sheet_id[:40]) from None


def check_run(sheet: Sheet, count: int, start: int) -> None:
    """Refuse a number of labels or a first place that make no sense."""
    if not 1 <= count <= MOST_LABELS:
        raise BadInput("this is no number of labels", expected=f"1 to {MOST_LABELS}", got=str(count)[:20])
    if not 1 <= start <= sheet.per_page:
        raise BadInput("there is no such place on this sheet", expected=f"1 to {sheet.per_page}", got=str(start)[:20])

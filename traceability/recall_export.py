"""A recall as files: a table for a spreadsheet (CSV, XLSX) and the signed events of every affected lot (EPCIS 2.0 JSON-LD).

What people wrote themselves may begin like a formula; a spreadsheet must not run it, so such a cell begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from foundation.clock import SHANGHAI, from_ms
from traceability.reach import Reach
from traceability.vocabulary import CONTEXT

KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "epcis": "application/ld+json",
}
_LOTS = ("lot", "trace_code", "named_in_recall", "mixed_with_others", "kind", "product", "name", "maker", "quantity", "unit", "state")
_PARTIES = ("party", "unit", "received", "held", "of_which_in_mixed_lots", "arriving", "sold_to_consumers", "lots")
_SHIPMENTS = ("shipment", "from", "to", "departed", "lots_without_receipt")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(reach: Reach) -> bytes:
    """Return the reach as one CSV of three tables under each other, with a byte order mark so that Chinese opens right."""
    out = io.StringIO()
    sheet = csv.writer(out)
    for k, (_, rows) in enumerate(_tables(reach)):
        if k:
            sheet.writerow([])
        sheet.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_xlsx(reach: Reach) -> bytes:
    """Return the reach as a workbook with a sheet for lots, parties and shipments without a receipt."""
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook(write_only=True)
    for name, rows in _tables(reach):
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_epcis(bodies: Iterable[bytes], at_ms: int) -> bytes:
    """Return an EPCIS document of events exactly as they were signed."""
    head = {"@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": _time(at_ms)}
    start = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    return start + b',"epcisBody":{"eventList":[' + b",\n".join(bodies) + b"]}}\n"


def _tables(reach: Reach) -> Iterator[tuple[str, list[list[Any]]]]:
    lots = [
        (x.id, x.code, _yes(x.root), _yes(x.mixed), x.kind, x.product, x.name_zh, x.party, x.quantity, x.unit, x.state) for x in reach.lots
    ]
    yield "lots", _rows(_LOTS, lots)
    parties = [(t.party, t.unit, t.received, t.held, t.mixed_held, t.arriving, t.sold, len(t.lots)) for t in reach.tallies]
    yield "parties", _rows(_PARTIES, parties)
    shipments = [(u.leg, u.from_party, u.to_party, _time(u.departs_ms), " ".join(u.lots)) for u in reach.unconfirmed]
    yield "shipments", _rows(_SHIPMENTS, shipments)


def _rows(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(head), *([_safe(value) for value in row] for row in rows)]


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _time(ms: int) -> str:
    return from_ms(ms).astimezone(SHANGHAI).isoformat(timespec="milliseconds")

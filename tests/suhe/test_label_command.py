"""`suhe label sheet`: one lot or a county's lots into a PDF whose codes scan; what is left out is said."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from typer.testing import CliRunner

from foundation.errors import BadInput
from suhe.commands.label import app
from tests.dashboards.fakes_house import COUNTY, INSPECTOR, House, build_house

PUBLIC = "https://trace.example.cn"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """Return a house that the command works on, in a folder of its own."""
    made = build_house(tmp_path, readings_every_minutes=1440)
    monkeypatch.setattr("suhe.commands.label._services", lambda: made.services)
    monkeypatch.setenv("SUHE_PUBLIC_URL", PUBLIC)
    monkeypatch.chdir(tmp_path)
    return made


def scanned(path: str) -> list[str]:
    return [b.text for page in pypdfium2.PdfDocument(path) for b in zxingcpp.read_barcodes(page.render(scale=200 / 72).to_pil())]


def run(*words: str) -> str:
    """Run the command and return what it says, on either stream; an error of ours comes through."""
    done = CliRunner().invoke(app, ["sheet", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_a_lot_by_id_or_by_code(house: House) -> None:
    """Named by its id it fills a page, by its code it gives what was asked for; every code leads to the lot."""
    said = run(f"{COUNTY}:P1", "-o", "a.pdf")
    assert said == "a.pdf: labels 24, lots 1, pages 1, sheet a4-3x8\n"
    assert scanned("a.pdf") == [f"{PUBLIC}/t/{house.code('P1')}"] * 24
    run(house.code("P1").lower(), "--sheet", "a4-2x5", "--count", "9", "--start", "4", "-o", "b.pdf")
    assert scanned("b.pdf") == [f"{PUBLIC}/t/{house.code('P1')}"] * 9


def test_a_county_prints_what_is_in_stock_and_says_what_it_leaves_out(house: House) -> None:
    """Lots in stock get their labels; one that failed is named on stderr and left out; with none left it is an error."""
    run("--county", COUNTY, "--count", "2", "-o", "a.pdf")
    assert scanned("a.pdf") == [f"{PUBLIC}/t/{house.code('T1')}"] * 2
    told = {"method": "gc_ms", "result": "fail"}
    house.kit.send("inspect", INSPECTOR, quantityList=[{"epcClass": house.kit.lot("T1")}], **{"suhe:inspection": told})
    with pytest.raises(BadInput, match="nothing to label"):
        run("--county", COUNTY)


def test_an_address_no_phone_can_open_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a public address the labels are printed, and the terminal says that phones cannot open them."""
    monkeypatch.delenv("SUHE_PUBLIC_URL")
    assert "set SUHE_PUBLIC_URL" in run(f"{COUNTY}:P1", "--count", "1", "-o", "a.pdf")
    assert scanned("a.pdf") == [f"http://127.0.0.1:8460/t/{house.code('P1')}"]


@pytest.mark.parametrize(
    "words",
    [(), (f"{COUNTY}:P1", "--county", COUNTY), (f"{COUNTY}:P1", "--sheet", "x"), (f"{COUNTY}:P1", "--count", "-1"),
     (f"{COUNTY}:P1", "--count", "5001"), (f"{COUNTY}:P1", "--start", "25"), (f"{COUNTY}:P1", "-o", "no/such/folder/a.pdf"), ("rubbish",)],
)  # fmt: skip
def test_nonsense_is_refused(house: House, words: tuple[str, ...]) -> None:
    """Each wrong word is an error that says what was expected, and writes nothing."""
    with pytest.raises(BadInput) as refused:
        run(*words)
    assert refused.value.expected
    assert not list(Path().glob("*.pdf"))

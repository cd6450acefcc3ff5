"""When labels of a lot may be printed."""

from __future__ import annotations

from tests.traceability.kit import Kit


def reasons(kit: Kit, number: str) -> list[tuple[str, str]]:
    return [(h.reason, h.lot.rsplit(":", 1)[1]) for h in kit.trace.holds_on_labels(kit.lot(number))]


def test_only_harvested_lots_are_labelled(kit: Kit) -> None:
    """A growing lot is held back; harvested and never tested, it is free: not every lot is tested."""
    kit.plant("A")
    assert reasons(kit, "A") == [("growing", "A")]
    kit.harvest("A", 100)
    assert reasons(kit, "A") == []


def test_the_last_telling_inspection_counts(kit: Kit) -> None:
    """Failed or positive holds; an invalid repeat clears nothing; a pass clears."""
    kit.plant("A")
    kit.harvest("A", 100)
    for result, expected in (
        ("screening_positive", [("screening_positive", "A")]), ("invalid", [("screening_positive", "A")]), ("fail", [("fail", "A")]),
        ("invalid", [("fail", "A")]), ("pass", []), ("invalid", []),
    ):  # fmt: skip
        kit.inspect("A", result)
        assert reasons(kit, "A") == expected, result


def test_what_was_found_in_a_lot_holds_back_what_was_made_of_it(kit: Kit) -> None:
    """Packed from a failed lot, a lot is held back until it passes itself; what is found later in its parent counts again."""
    kit.plant("A")
    kit.harvest("A", 100)
    kit.transform("split", {"A": 60}, {"B": 50, "D": 10})
    kit.transform("split", {"B": 30}, {"C": 20, "E": 10})
    assert reasons(kit, "C") == []
    kit.inspect("A", "fail")
    assert reasons(kit, "B") == reasons(kit, "C") == [("fail", "A")]
    kit.inspect("C", "pass")
    assert reasons(kit, "C") == []
    assert reasons(kit, "B") == [("fail", "A")]
    kit.inspect("A", "fail")
    assert reasons(kit, "C") == [("fail", "A")]

"""The kinds of events we accept, as one table: how each is written in EPCIS 2.0, which fields it needs, who may sign it.

Terms are EPCIS 2.0 and CBV 2.0 where those have one; ours begin with `urn:suhe:` or, as fields, with `suhe:`. The table is our own:
GS1's schema and context are test oracles and are not shipped.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"suhe": "urn:suhe:voc:"}]

LOT_URN = "urn:suhe:lot:"
PLOT_URN = "urn:suhe:plot:"
PARTY_URN = "urn:suhe:party:"
STEP_URN = "urn:suhe:bizstep:"
DEVICE_URN = "urn:suhe:device:"
RULE_URN = "urn:suhe:rule:cold-chain:"

# UN/ECE Recommendation 20 codes, as EPCIS uses them -> the unit as people read it.
UNITS = {"KGM": "kg", "LTR": "L", "H87": "piece"}

INPUT_CLASSES = ("seed", "fertiliser", "pesticide", "film", "spawn", "feed", "other")
RESULTS = ("pass", "fail", "screening_positive", "invalid")
# GB/T 5009.199 enzyme inhibition is a screening: it sees organophosphates and carbamates only, and a positive needs confirming.
METHODS = ("enzyme_inhibition", "colloidal_gold", "gc_ms", "lc_ms", "heavy_metals", "sensory", "other")
DISPOSITIONS = (
    "active",
    "in_progress",
    "in_transit",
    "conformant",
    "non_conformant",
    "sellable_accessible",
    "unavailable",
    "recalled",
    "retail_sold",
)

_PRODUCERS = ("grower", "cooperative")
_INSPECTORS = ("inspector", "cooperative", "processor")
_COLD = ("carrier", "cooperative", "processor")
# Who may say that a lot is called back: the county for any of its lots, a maker for its own.
_RECALLERS = ("county", "grower", "cooperative", "processor")
_SELLERS = ("retailer", "cooperative")
_HANDLERS = ("grower", "cooperative", "processor", "carrier", "retailer")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event.

    `lists` names each quantity list with the role its lots play, the fewest and the most of them, and whether a quantity must
    stand beside each. `signers` are the roles of which the author's party must have one.
    """

    name: str
    epcis_type: str
    biz_step: str
    action: str | None
    lists: tuple[tuple[str, str, int, int, bool], ...]
    needs: frozenset[str]
    may: frozenset[str]
    signers: tuple[str, ...]
    makes_lots: bool = False


_ALWAYS = frozenset({"@context", "type", "eventID", "eventTime", "eventTimeZoneOffset", "bizStep", "suhe:party"})
_SOMETIMES = frozenset({"disposition", "readPoint", "bizLocation", "suhe:note", "suhe:by"})
MOST_LOTS = 200


def _object(
    name: str,
    biz_step: str,
    action: str,
    *,
    most: int = 1,
    quantity: bool,
    needs: str = "",
    may: str = "",
    signers: tuple[str, ...],
    makes: bool = False,
) -> Kind:
    lists = (("quantityList", "made" if makes else "subject", 1, most, quantity),)
    required = _ALWAYS | {"action", "quantityList", *needs.split()}
    return Kind(name, "ObjectEvent", biz_step, action, lists, required, _SOMETIMES | set(may.split()), signers, makes)


def _transformation(
    name: str, biz_step: str, inputs: tuple[int, int], outputs: tuple[int, int], *, may: str = "", signers: tuple[str, ...]
) -> Kind:
    lists = (("inputQuantityList", "input", *inputs, True), ("outputQuantityList", "output", *outputs, True))
    required = _ALWAYS | {"inputQuantityList", "outputQuantityList", "ilmd"}
    return Kind(name, "TransformationEvent", biz_step, None, lists, required, _SOMETIMES | set(may.split()), signers, makes_lots=True)


_ROWS = (
    _object("plant", STEP_URN + "planting", "ADD", quantity=False, needs="ilmd bizLocation", signers=_PRODUCERS, makes=True),
    _object(
        "input_bought", STEP_URN + "input_buying", "ADD",
        quantity=True, needs="ilmd", may="suhe:lots suhe:seller", signers=_PRODUCERS, makes=True,
    ),
    _object(
        "input_used", STEP_URN + "input_using", "DELETE",
        quantity=True, needs="suhe:lots", may="suhe:purpose suhe:intervalDays", signers=_PRODUCERS,
    ),
    _object("harvest", STEP_URN + "harvesting", "ADD", quantity=True, needs="bizLocation", may="suhe:grade", signers=_PRODUCERS),
    _object("inspect", "inspecting", "OBSERVE", quantity=False, needs="suhe:inspection", signers=_INSPECTORS),
    _transformation("split", STEP_URN + "splitting", (1, 1), (2, MOST_LOTS), signers=_HANDLERS),
    _transformation("merge", STEP_URN + "merging", (2, MOST_LOTS), (1, 1), signers=_HANDLERS),
    _transformation("pack", "packing", (1, MOST_LOTS), (1, MOST_LOTS), may="suhe:package", signers=_HANDLERS),
    _object(
        "ship", "shipping", "OBSERVE", most=MOST_LOTS,
        quantity=True, needs="sourceList destinationList", may="suhe:carrier suhe:recorder bizTransactionList", signers=_HANDLERS,
    ),
    _object(
        "receive", "receiving", "OBSERVE", most=MOST_LOTS,
        quantity=True, needs="sourceList destinationList", may="bizTransactionList suhe:temperature", signers=_HANDLERS,
    ),
    _object(
        "sensor_summary", "sensor_reporting", "OBSERVE", most=MOST_LOTS,
        quantity=False, needs="sensorElementList suhe:leg suhe:cold", signers=_COLD,
    ),
    _object("sell", "retail_selling", "OBSERVE", most=MOST_LOTS, quantity=True, signers=_SELLERS),
    _object(
        "recall", STEP_URN + "recalling", "OBSERVE", most=MOST_LOTS,
        quantity=False, needs="suhe:recall suhe:drill", signers=_RECALLERS,
    ),
    _object(
        "recall_lifted", STEP_URN + "recall_lifting", "OBSERVE", most=MOST_LOTS,
        quantity=False, needs="suhe:recallOf", signers=_RECALLERS,
    ),
)  # fmt: skip

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ROWS}
KIND_OF_STEP: dict[tuple[str, str], Kind] = {(kind.epcis_type, kind.biz_step): kind for kind in _ROWS}

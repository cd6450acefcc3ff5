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
_SAMPLERS = ("inspector", "cooperative", "grower", "processor", "office")
_COLD = ("carrier", "cooperative", "processor")
# Who may say that a lot is called back: the county for any of its lots, a maker for its own.
_RECALLERS = ("county", "grower", "cooperative", "processor")
_SELLERS = ("retailer", "cooperative")
_HANDLERS = ("grower", "cooperative", "processor", "carrier", "retailer")
_ANYONE = (*_HANDLERS, "inspector")


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
    _object("sample", STEP_URN + "sampling", "OBSERVE", quantity=False, needs="suhe:sample", signers=_SAMPLERS),
    _object("test", STEP_URN + "testing", "OBSERVE", quantity=False, needs="suhe:test", signers=_INSPECTORS),
    _object("judge", STEP_URN + "judging", "OBSERVE", quantity=False, needs="suhe:judgement", signers=_INSPECTORS),
    _object("certificate", STEP_URN + "certifying", "OBSERVE", quantity=True, needs="suhe:certificate", signers=_HANDLERS),
    _object("correct", STEP_URN + "correcting", "OBSERVE", most=MOST_LOTS, quantity=False, needs="suhe:correction", signers=_ANYONE),
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

# Why a field is asked for; refusals and docs/required-fields.md say so.
WHY: dict[str, str] = {
    "@context": "the words of the event mean what EPCIS 2.0 and ours say",
    "type": "EPCIS knows events by type",
    "action": "EPCIS: added, observed or removed",
    "eventID": "the event is cited and recorded once by it",
    "eventTime": "when it happened, which may be long before it was recorded",
    "eventTimeZoneOffset": "the local day of the event, by which intervals and editions count",
    "bizStep": "what was done",
    "suhe:party": "who says so and signs",
    "quantityList": "which lots, and how much of them",
    "inputQuantityList": "what went in",
    "outputQuantityList": "what came out; never more than went in",
    "bizLocation": "where it grew",
    "ilmd": "what it is: a product, or an input as its label names it",
    "sourceList": "who gave it",
    "destinationList": "who gets it; a recall must reach them",
    "sensorElementList": "what the recorder measured",
    "suhe:lots": "which lots an input was used on; the interval before harvest hangs on it",
    "suhe:leg": "which shipment it is of",
    "suhe:cold": "how long it was out of range, and how much is unknown",
    "suhe:inspection": "by which method, with what result",
    "suhe:sample": "by which plan, by whom and how it was taken, and who had it since",
    "suhe:test": "which sample, method, laboratory and values, and the report's hash",
    "suhe:judgement": "which test, by which edition and limits, with what result",
    "suhe:certificate": "who promises what for which produce",
    "suhe:recall": "how grave it is, why, and on whose authority",
    "suhe:drill": "whether it is an exercise, which stops nothing",
    "suhe:recallOf": "which recall is lifted",
    "suhe:correction": "which field of which event was wrong, and why",
    "suhe:registration": "a pesticide without a registration number is not legal to use",
    "suhe:maker": "a recall of an input begins at its maker",
    "suhe:batch": "a recall of an input names its batch",
    "suhe:intervalDays": "days that must pass between use and harvest, from the label",
}

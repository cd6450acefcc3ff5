"""What must be in a record at capture: one table, enforced, and printed as docs/required-fields.md.

Modelled on the key data elements of FSMA 204: a list of fields for each kind of event. The form of an event (`vocabulary.Kind.needs`)
holds for old records too; what stands here beyond it is asked of new records only, so that no record becomes unreadable by a new rule.
"""

from __future__ import annotations

from foundation.errors import BadInput
from traceability.events import TraceEvent
from traceability.vocabulary import INPUT_CLASSES, KINDS, WHY

# What the purchase of an input must say of it, by class, besides class and name.
OF_INPUT: dict[str, tuple[str, ...]] = {
    "seed": ("suhe:batch",),
    "fertiliser": (),
    "pesticide": ("suhe:registration", "suhe:maker", "suhe:batch", "suhe:intervalDays"),
    "film": (),
    "spawn": ("suhe:batch",),
    "feed": ("suhe:maker", "suhe:batch"),
    "other": (),
}


def check_required(event: TraceEvent) -> None:
    """Refuse a new event that leaves out what its kind must say; the message names the field and why it is asked for."""
    if event.kind.name != "input_bought":
        return
    ilmd = event.body["ilmd"]
    missing = [name for name in OF_INPUT[ilmd["suhe:inputClass"]] if name not in ilmd]
    if missing:
        raise BadInput(
            f"the purchase of a {ilmd['suhe:inputClass']} needs more fields: {', '.join('ilmd.' + name for name in missing)}",
            expected="; ".join(f"{name}: {WHY[name]}" for name in missing),
            got=", ".join(ilmd),
            todo="copy them from the label",
        )


def table() -> str:
    """Return the table as Markdown."""
    lines = ["# Required fields", "", "Written from `traceability/required.py` and `traceability/vocabulary.py`; a test compares them.", ""]
    lines += ["A refusal names the missing field and says why it is asked for.", ""]
    lines += ["| kind of event | fields it must carry | may carry |", "| --- | --- | --- |"]
    always = frozenset.intersection(*(k.needs for k in KINDS.values()))
    lines.append(f"| every kind | {_code(sorted(always))} | |")
    lines += [f"| `{k.name}` | {_code(sorted(k.needs - always))} | {_code(sorted(k.may))} |" for k in KINDS.values()]
    lines += ["", "## Purchases of inputs, by class (new records)", "", "| class | besides class and name |", "| --- | --- |"]
    lines += [f"| `{name}` | {_code(OF_INPUT[name]) or 'nothing more'} |" for name in INPUT_CLASSES]
    lines += ["", "## Why", "", "| field | why it is asked for |", "| --- | --- |"]
    lines += [f"| `{name}` | {why} |" for name, why in WHY.items()]
    return "\n".join(lines) + "\n"


def _code(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

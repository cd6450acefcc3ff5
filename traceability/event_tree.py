"""An EPCIS event as one tree, whether it was written in JSON-LD or in XML: (name, text, what is inside), as the event hash reads it.

JSON and XML write the same event differently: a list's elements have names in XML only, words of CBV stand bare in JSON and as URIs in
XML, a transaction's type is an attribute here and a field there. Here they become the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from foundation.errors import BadInput
from traceability.cbv import ALARMS, CBV, COMPONENTS, DISPOSITIONS, GS1, MEASUREMENTS, SIDES, STEPS, TRANSACTIONS
from traceability.epcis_context import prefixes_of

Node = tuple[str, str, Sequence["Node"]]
Event = tuple[str, list[Node]]

MAX_XML_BYTES = 5_000_000
MAX_DEPTH = 64

# What an event says about itself and not about what happened, and remarks: no part of what is hashed.
NOT_HASHED = frozenset({"type", "eventID", "recordTime", "errorDeclaration", "@context"})
_REMARKS = frozenset({"rdfs:comment", "comment", "#text"})
PAIRED = {"bizTransactionList": "bizTransaction", "sourceList": "source", "destinationList": "destination"}
_ELEMENT = {
    "epcList": "epc", "inputEPCList": "epc", "outputEPCList": "epc", "childEPCs": "epc", "quantityList": "quantityElement",
    "childQuantityList": "quantityElement", "inputQuantityList": "quantityElement", "outputQuantityList": "quantityElement",
    "sensorElementList": "sensorElement", **dict.fromkeys(PAIRED, ""),
}  # fmt: skip
# Of a namespace's words in values only those of GS1 are written out: nobody else's would be the same in XML.
_WRITTEN_OUT = ("https://ref.gs1.org/", "https://gs1.org/")


@dataclass(frozen=True, slots=True)
class _Level:
    """Which fields at one level of an event hold bare words of CBV, and the levels below it."""

    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    below: Mapping[str, _Level] = field(default_factory=dict)


_NONE = _Level()
_SIDE = _Level({"type": SIDES})
_EVENT = _Level(
    {"bizStep": STEPS, "disposition": DISPOSITIONS},
    {
        "persistentDisposition": _Level({"set": DISPOSITIONS, "unset": DISPOSITIONS}),
        "bizTransactionList": _Level({"type": TRANSACTIONS}),
        "sourceList": _SIDE,
        "destinationList": _SIDE,
        "sensorElementList": _Level({}, {"sensorReport": _Level({"type": MEASUREMENTS, "exception": ALARMS, "component": COMPONENTS})}),
    },
)


def events_of_json(document: Mapping[str, Any]) -> list[Event]:
    """Return the events of an EPCIS document, query document or single event with its context.

    Raises:
        BadInput: there is no list of events where one belongs, or a context is not plain.

    """
    prefixes = prefixes_of(document.get("@context"))
    body = document.get("epcisBody", {"event": document})
    for inner in ("queryResults", "resultsBody"):
        body = body.get(inner, body) if isinstance(body, dict) else body
    listed = body.get("eventList", [body.get("event")]) if isinstance(body, dict) else None
    if not isinstance(listed, list) or not all(isinstance(event, dict) for event in listed):
        raise BadInput("this document has no list of events", expected="epcisBody.eventList", got=repr(body)[:80])
    return [event_of_json(event, prefixes) for event in listed]


def event_of_json(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> Event:
    """Return one event as a tree; a context of its own adds to the prefixes."""
    if "@context" in event:
        prefixes = prefixes_of(event["@context"], outer=prefixes, whole=False)
    told = {name: value for name, value in event.items() if name not in NOT_HASHED}
    return _name(str(event.get("type", "")), prefixes), _inside(told, prefixes, _EVENT, 0)


def _inside(told: Mapping[str, Any], prefixes: Mapping[str, str], level: _Level, depth: int) -> list[Node]:
    if depth > MAX_DEPTH:
        raise BadInput("this event is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
    found: list[Node] = []
    for key, value in told.items():
        if key in _REMARKS or value is None:
            continue
        name = _name(key, prefixes) if ":" in key else key
        below = level.below.get(key, _NONE)
        words = level.words.get(key)
        if key in _ELEMENT or key.endswith("List"):
            elements = value if isinstance(value, list) else [value]
            one = _ELEMENT.get(key, name[:-4])
            if elements:
                found.append((name, "", [_node(one, each, prefixes, below, words, depth) for each in elements]))
        elif isinstance(value, list):
            found += [_node(name, each, prefixes, below, words, depth) for each in value]
        else:
            found.append(_node(name, value, prefixes, below, words, depth))
    return found


def _node(name: str, value: Any, prefixes: Mapping[str, str], level: _Level, words: Mapping[str, str] | None, depth: int) -> Node:
    if isinstance(value, str):
        return name, words.get(value) or _written_out(value, prefixes) if words else _written_out(value, prefixes), ()
    if isinstance(value, dict):
        return name, str(value.get("#text", "")), _inside(value, prefixes, level, depth + 1)
    if isinstance(value, list):
        return name, "", [_node("", each, prefixes, level, None, depth + 1) for each in value]
    if isinstance(value, bool):
        return name, "true" if value else "false", ()
    return name, str(value), ()


def _name(key: str, prefixes: Mapping[str, str]) -> str:
    prefix, colon, rest = key.partition(":")
    return f"{{{prefixes[prefix]}}}{rest}" if colon and prefix in prefixes else key


def _written_out(value: str, prefixes: Mapping[str, str]) -> str:
    prefix, colon, rest = value.partition(":")
    if colon and prefix in prefixes and prefixes[prefix].startswith(_WRITTEN_OUT):
        return prefixes[prefix] + rest
    return value


def events_of_xml(data: bytes) -> list[Event]:
    """Return the events of an EPCIS document in XML, read without a document type and so without entities.

    Raises:
        BadInput: this is no XML, declares a document type, is too large or too deep, or holds no list of events.

    """
    reader = _XmlReader()
    if len(data) > MAX_XML_BYTES:
        raise BadInput("this document is too large", expected=f"at most {MAX_XML_BYTES} bytes", got=f"{len(data)} bytes")
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BadInput("this is no XML", got=str(error)[:120]) from error
    if reader.events is None:
        raise BadInput("this document has no list of events", expected="an EventList")
    return [(name, [node for node in inside if node[0] not in NOT_HASHED]) for name, _, inside in reader.events]


@dataclass(slots=True)
class _Open:
    """An element whose end has not come yet. Text counts up to the first element inside."""

    name: str
    inside: list[Node]
    text: str = ""
    text_ended: bool = False


class _XmlReader:
    """Builds nodes from what expat reports; an EventList's are kept."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.buffer_text = True
        self.events: Sequence[Node] | None = None
        self._open: list[_Open] = []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise BadInput("this document is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        if self._open:
            self._open[-1].text_ended = True
        self._open.append(_Open(_xml_name(name), [(_xml_name(k), _gs1_word(v), ()) for k, v in attributes.items()]))

    def _characters(self, text: str) -> None:
        if not self._open[-1].text_ended:
            self._open[-1].text += text

    def _end(self, _name: str) -> None:
        done = self._open.pop()
        text = _gs1_word(done.text.strip())
        if done.name == "EventList":
            self.events = done.inside
        if not self._open:
            return
        above = self._open[-1]
        if done.name in ("extension", "baseExtension"):
            above.inside += done.inside
        elif above.name in PAIRED and done.name == PAIRED[above.name]:
            above.inside.append(("", "", [*done.inside, (done.name, text, ())]))
        else:
            above.inside.append((done.name, text, done.inside))

    def _refuse(self, *_told: Any) -> None:
        raise BadInput("this document declares a document type, which may hide anything", todo="send it without <!DOCTYPE …>")


def _xml_name(name: str) -> str:
    return "{" + name if "}" in name else name


def _gs1_word(value: str) -> str:
    for prefix, namespace in (("gs1:", GS1), ("cbv:", CBV)):
        if value.startswith(prefix):
            return namespace + value[len(prefix) :]
    return value

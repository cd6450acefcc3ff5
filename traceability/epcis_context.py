"""A document's JSON-LD context where it is plain: EPCIS's own by its address, and prefixes that stand for namespaces.

That is all that most documents have, and it can be read without any JSON-LD library. Whatever else a context may do (another address,
terms that mean something else, rules for types) is refused by name; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundation.errors import BadInput
from traceability.cbv import CBV, GS1

EPCIS_CONTEXTS = (
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    "https://gs1.github.io/EPCIS/epcis-context.jsonld",
)
WELL_KNOWN = {"cbv": CBV, "gs1": GS1, "epcis": "https://ref.gs1.org/epcis/", "cbvmda": "urn:epcglobal:cbv:mda:"}
_MOST_PREFIXES = 100


def prefixes_of(context: Any, *, outer: Mapping[str, str] | None = None, whole: bool = True) -> dict[str, str]:
    """Return prefix -> namespace of a plain context, on top of those of the context around it.

    `whole` is False for the context of one event inside a document, which need not name EPCIS's own again.

    Raises:
        BadInput: the context is not plain, or does not name EPCIS's own.

    """
    found = dict(outer or WELL_KNOWN)
    own = False
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, str):
            if part not in EPCIS_CONTEXTS:
                raise BadInput(
                    "this context is not known and is not fetched",
                    expected=f"{EPCIS_CONTEXTS[0]} and prefixes written out in the document",
                    got=repr(part)[:120],
                    todo="write the prefixes the document uses into its @context",
                )
            own = True
        elif isinstance(part, dict):
            for prefix, namespace in part.items():
                _check_prefix(prefix, namespace)
                found[prefix] = namespace
        else:
            raise BadInput("this is no @context", expected="an address or an object of prefixes", got=repr(part)[:80])
    if whole and not own:
        raise BadInput("the @context does not name EPCIS's own", expected=EPCIS_CONTEXTS[0], got=repr(context)[:120])
    if len(found) > _MOST_PREFIXES:
        raise BadInput("the @context has too many prefixes", expected=f"at most {_MOST_PREFIXES}", got=str(len(found)))
    return found


def _check_prefix(prefix: str, namespace: Any) -> None:
    """A prefix stands for a namespace. A term of EPCIS given another meaning, or a rule, is more than we can read rightly."""
    if not isinstance(namespace, str) or ":" not in namespace:
        raise BadInput(
            "this context says more than which namespace a prefix stands for",
            expected='such as {"example": "https://ns.example.com/epcis/"}',
            got=f"{prefix!r}: {namespace!r}"[:160],
        )
    if prefix.startswith("@") or prefix in TERMS:
        raise BadInput("this context gives a word of EPCIS another meaning", got=f"{prefix!r}: {namespace!r}"[:160])


_WORDS = """
id type eventTime recordTime eventTimeZoneOffset eventID action bizStep disposition bizLocation readPoint transformationID epcList
sourceList destinationList persistentDisposition quantity epcClass uom quantityList bizTransactionList parentID childEPCs
childQuantityList inputEPCList outputEPCList inputQuantityList outputQuantityList sensorElementList errorDeclaration ilmd
certificationInfo creationDate schemaVersion epcisHeader epcisBody eventList queryResults resultsBody ObjectEvent AggregationEvent
TransactionEvent TransformationEvent AssociationEvent EPCISDocument EPCISQueryDocument urn http https
"""
TERMS = frozenset(_WORDS.split())

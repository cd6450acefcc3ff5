"""Whose hands an event was in, for whoever may read it: a name, that it was erased, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dashboards.i18n import Translate
from traceability.secrets import commitments

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.views import EventView


def persons_of(services: Services, events: Iterable[EventView], role: str, party: str | None, t: Translate) -> dict[str, str]:
    """Return event id -> the person's name as a role may read it; that a name was erased is no secret, that there is one is in the body."""
    listed = [e for e in events if commitments(e.body)]
    if not listed:
        return {}
    kept, open_to = services.trace.kept(listed), services.trace.disclosed(listed, role, party)
    found = {}
    for e in listed:
        for c in commitments(e.body):
            if c in open_to:
                found[e.event_id] = open_to[c]["value"]
            elif c in kept and kept[c].erased_ms is not None:
                found[e.event_id] = t("姓名已删除")
    return found

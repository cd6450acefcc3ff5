"""Forms that a county's own people fill in: who may press their buttons, and what comes of them."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request

from dashboards.api.deps import caller_of, require
from foundation.errors import BadInput, NotAllowed
from registry.people import Caller

Fields = dict[str, list[str]]
Staff = Annotated[Caller, Depends(require("county"))]
# In a demo the guest looks on; nothing of it can be pressed.
LOOKERS = ("guest", "county")
# Plain digits only: others, such as a superscript two, are digits to Python and no number.
_NUMBER = re.compile(r"[0-9]{1,9}\Z")


async def fields_of(request: Request) -> Fields:
    """Return every field of a submitted form with all its values, empty ones too."""
    return parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


Form = Annotated[Fields, Depends(fields_of)]


def own_county(caller: Caller | None, county: str, page: str = "desk") -> None:
    """Refuse a county's staff at another county's page."""
    if caller is not None and caller.role == "county" and caller.county != county:
        raise NotAllowed("this page belongs to another county", expected=f"/c/{caller.county}/{page}", got=f"/c/{county}/{page}")


def may_act(request: Request, county: str) -> bool:
    """Tell whether who asks may press the buttons of this county's pages."""
    caller = caller_of(request)
    return caller is not None and (caller.role == "administrator" or (caller.role == "county" and caller.county == county))


def told(form: Fields, name: str) -> str:
    """Return a field that is there once, without blanks around it, empty where it is not."""
    return form.get(name, [""])[0].strip()


def number_of(text: str) -> int:
    """Return a number as a form of ours sends it.

    Raises:
        BadInput: no page of ours sends this; it is no number, or none that a database can hold.

    """
    if not _NUMBER.match(text):
        raise BadInput("this form cannot be read", expected="a number the page gave", got=text[:20], todo="open the page again")
    return int(text)

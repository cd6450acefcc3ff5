"""Mappings a person has confirmed, kept in the records by name beside those that come with the program."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy import Connection, delete, insert, select

from foundation.errors import BadInput, Conflict, NotFound
from pricing.mapping import Mapping, packaged_mappings, read_mapping
from pricing.store import price_mapping


def saved(connection: Connection) -> list[Mapping]:
    """Return the saved mappings by name; one that an older program saved and this one cannot use is left out."""
    found = []
    for body in connection.execute(select(price_mapping.c.body).order_by(price_mapping.c.name)).scalars():
        try:
            found.append(Mapping.model_validate_json(body))
        except ValidationError:
            continue
    return found


def load(connection: Connection, name: str) -> Mapping:
    """Return a mapping by name, saved or packaged.

    Raises:
        NotFound: there is none of that name.
        BadInput: this program cannot use it.

    """
    body = connection.execute(select(price_mapping.c.body).where(price_mapping.c.name == name)).scalar_one_or_none()
    if body is None:
        if name in packaged_mappings():
            return read_mapping(name)
        raise NotFound("there is no such mapping", got=name[:64])
    try:
        return Mapping.model_validate_json(body)
    except ValidationError as error:
        raise BadInput(
            "this mapping cannot be used any more", got=str(error.errors()[0]["msg"]), todo="confirm the columns again"
        ) from error


def save(connection: Connection, mapping: Mapping, now_ms: int) -> None:
    """Keep a mapping under its name, in place of an earlier one of that name.

    Raises:
        Conflict: a packaged mapping has this name.

    """
    if mapping.name in packaged_mappings():
        raise Conflict("a mapping that comes with the program has this name", got=mapping.name, todo="choose another name")
    connection.execute(delete(price_mapping).where(price_mapping.c.name == mapping.name))
    connection.execute(insert(price_mapping).values(name=mapping.name, body=mapping.model_dump_json(), saved_ms=now_ms))

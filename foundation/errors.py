"""Errors that speak to people: what was expected, what came, and what to do."""

from __future__ import annotations


class SuheError(Exception):
    """Base of every error Suhe raises on purpose.

    `code` is a stable machine name used in problem+json `type` URIs and logs. The message is one sentence for a person;
    `expected`, `got` and `todo` complete it where they help.
    """

    code = "error"
    status = 400

    def __init__(self, message: str, *, expected: str = "", got: str = "", todo: str = "") -> None:
        self.message = message
        self.expected = expected
        self.got = got
        self.todo = todo
        super().__init__(self.explain())

    def explain(self) -> str:
        """Return the whole error as one line for a terminal or a log."""
        parts = [self.message]
        if self.expected:
            parts.append(f"expected: {self.expected}")
        if self.got:
            parts.append(f"got: {self.got}")
        if self.todo:
            parts.append(f"do: {self.todo}")
        return "; ".join(parts)


class BadInput(SuheError):
    """Input from outside that breaks a stated rule."""

    code = "bad-input"
    status = 422


class NotFound(SuheError):
    """A thing asked for by id that does not exist."""

    code = "not-found"
    status = 404


class Conflict(SuheError):
    """A write that contradicts what is already recorded."""

    code = "conflict"
    status = 409


class NotSignedIn(SuheError):
    """No credential, or one that is unknown or expired."""

    code = "not-signed-in"
    status = 401


class NotAllowed(SuheError):
    """A credential that is known but whose role does not permit this."""

    code = "not-allowed"
    status = 403


class TooMany(SuheError):
    """More of the same from one sender than anyone needs; later is right."""

    code = "too-many"
    status = 429


class Unavailable(SuheError):
    """Something this needs is not running right now; trying again later is right."""

    code = "unavailable"
    status = 503

"""Grafana over its HTTP API: grafana-api's client, spoken to by uid only, and its refusals in our words.

Grafana 13 has no numeric ids of datasources any more; where grafana-api offers only those, the route by uid is called on its session.
The token is nowhere in what is raised, printed or logged, not even where a server sends it back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace
from requests import RequestException, TooManyRedirects

from foundation.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn, SuheError, Unavailable

TIMEOUT_S = 10.0
# The first Grafana that knows the datasource type `grafana-postgresql-datasource`; an older one shows empty boards.
OLDEST = (10, 2)
_NEEDED = "a token of a service account with the role Editor, and Admin where datasources are to be made"


def connect(url: str, token: str, *, timeout_s: float = TIMEOUT_S) -> Grafana:
    """Return the Grafana at `url`; nothing is sent yet."""
    told = urlsplit(url.strip())
    try:
        port = told.port
    except ValueError:
        port = -1
    if told.scheme not in ("http", "https") or not told.hostname or port == -1 or told.query or told.fragment or told.username:
        # What was typed may hold a password, so it is not shown again.
        raise BadInput(
            "this is no address of a Grafana",
            expected="http(s)://host[:port][/prefix], without a user name",
            todo="--url or SUHE_GRAFANA_URL",
        )
    if not token:
        raise NotSignedIn("there is no token for Grafana", expected=_NEEDED, todo="put it into the environment as SUHE_GRAFANA_TOKEN")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise BadInput("SUHE_GRAFANA_TOKEN cannot be a token", expected="one word of visible ASCII", got=f"{len(token)} characters")
    host = f"[{told.hostname}]" if ":" in told.hostname else told.hostname
    prefix = told.path.strip("/")
    face = GrafanaFace(token, host=host, port=port, protocol=told.scheme, url_path_prefix=f"{prefix}/" if prefix else "", timeout=timeout_s)
    # A redirect would turn a write into a read, and might carry the token elsewhere.
    face.api.s.max_redirects = 0
    return Grafana(face, token)


class _OtherForm(Conflict):
    """A board that somebody saved in Grafana 13's newer form (schema v2), which `/api` answers with 406."""


class Grafana:
    """What a push needs of Grafana. A thing that is not there is None; every other refusal is one of our errors."""

    def __init__(self, face: GrafanaFace, token: str = "") -> None:
        self._face, self._token = face, token

    def version(self) -> str:
        """Return Grafana's version, empty where it does not tell; one that is too old is an error."""
        told = self._find("be reached", self._face.api.GET, "/health") or {}
        version = str(told.get("version", ""))
        parts = version.split(".")
        if len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit() and (int(parts[0]), int(parts[1])) < OLDEST:
            raise BadInput("this Grafana is too old", expected=f"{OLDEST[0]}.{OLDEST[1]} or newer", got=version, todo="upgrade Grafana")
        return version

    def folder(self, uid: str) -> dict[str, Any] | None:
        """Return a folder."""
        return self._find(f"read the folder {uid}", self._face.folder.get_folder, uid)

    def make_folder(self, uid: str, title: str) -> None:
        """Make a folder."""
        self._ask(f"make the folder {uid}", self._face.folder.create_folder, title, uid)

    def datasource(self, uid: str) -> dict[str, Any] | None:
        """Return a datasource; its secrets are never told."""
        return self._find(f"read the datasource {uid}", self._face.api.GET, f"/datasources/uid/{quote(uid)}")

    def make_datasource(self, body: dict[str, Any]) -> None:
        """Make a datasource."""
        self._ask(f"make the datasource {body['uid']}", self._face.datasource.create_datasource, body)

    def change_datasource(self, body: dict[str, Any]) -> None:
        """Change a datasource; `version` in the body guards against a change in between."""
        path = f"/datasources/uid/{quote(body['uid'])}"
        self._ask(f"change the datasource {body['uid']}", lambda: self._face.api.PUT(path, json=body))

    def board(self, uid: str) -> dict[str, Any] | None:
        """Return a board with what Grafana knows about it: `dashboard` and `meta`."""
        try:
            return self._find(f"read the board {uid}", self._face.dashboard.get_dashboard, uid)
        except _OtherForm:
            return {"dashboard": {"title": "saved in a form that this API does not tell"}, "meta": {}}

    def put_board(self, board: dict[str, Any], *, folder: str, message: str, overwrite: bool) -> None:
        """Save a board. Without `overwrite`, Grafana refuses unless `version` in it is the one it has: then nobody was in between."""
        body = {"dashboard": board, "folderUid": folder, "message": message, "overwrite": overwrite}
        self._ask(f"save the board {board['uid']}", self._face.dashboard.update_dashboard, body)

    def message_of(self, uid: str, version: Any) -> str:
        """Return what was said when this version of a board was saved, if it is the newest; empty where Grafana does not tell."""
        try:
            told = self._face.api.GET(f"/dashboards/uid/{quote(uid)}/versions?limit=1")
        except (GrafanaException, RequestException, ValueError):
            return ""
        versions = told.get("versions") if isinstance(told, dict) else told
        return next((str(v.get("message") or "") for v in versions or [] if v.get("version") == version), "")

    def _find(self, verb: str, call: Callable[..., Any], *args: Any) -> dict[str, Any] | None:
        try:
            return self._ask(verb, call, *args)
        except NotFound:
            return None

    def _ask(self, verb: str, call: Callable[..., Any], *args: Any) -> dict[str, Any]:
        try:
            told = call(*args)
        except GrafanaException as error:
            raise self._refusal(verb, error) from None
        except TooManyRedirects:
            raise BadInput("Grafana sends to another address", todo="name the final address, often https:// instead of http://") from None
        except ValueError:  # no JSON; requests' own error for it is a RequestException too
            raise self._no_grafana() from None
        except RequestException as error:
            raise Unavailable("Grafana does not answer", got=type(error).__name__, todo="start it, or correct its address") from None
        if not isinstance(told, dict):
            raise self._no_grafana()
        return told

    def _refusal(self, verb: str, error: GrafanaException) -> SuheError:
        if error.status_code == 404 and not (isinstance(error.response, dict) and "message" in error.response):
            return self._no_grafana()
        status = int(error.status_code)
        got = self._clean(f"{status} {error.response.get('message', '') if isinstance(error.response, dict) else ''}".strip())
        if status == 401:
            return NotSignedIn("Grafana does not know the token", expected=_NEEDED, got=got, todo="make a new one, set SUHE_GRAFANA_TOKEN")
        if status == 403:
            return NotAllowed(f"the token may not {verb}", expected=_NEEDED, got=got, todo="give the service account that role")
        if status == 404:
            return NotFound(f"Grafana could not {verb}", got=got, todo="look whether it is a Grafana of 10.2 or newer")
        if status == 406:
            return _OtherForm(f"Grafana has another form of what it should {verb}", got=got)
        if status in (409, 412):
            return Conflict(
                f"Grafana would not {verb}: somebody changed it meanwhile, or something of the same name is there",
                got=got, todo="look at it in Grafana, then push again",
            )  # fmt: skip
        if status >= 500 or status == 429:
            return Unavailable(f"Grafana could not {verb} now", got=got, todo="look at Grafana's own log, then push again")
        return BadInput(f"Grafana refused to {verb}", got=got)

    def _no_grafana(self) -> SuheError:
        return BadInput("what answers there is not Grafana's API", todo="correct --url or SUHE_GRAFANA_URL, its prefix too")

    def _clean(self, text: str) -> str:
        return (text.replace(self._token, "********") if self._token else text)[:200]

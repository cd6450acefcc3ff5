"""Push folders, datasources and boards into a Grafana: what is there already is not sent, what somebody changed there is not overwritten.

How a board is known to be untouched, either is enough:
1. its content, without what Grafana adds, has the mark it carries; or
2. the message of its newest version is the one we push with, and names that mark (a Grafana may write a board's JSON anew as it saves it).
Everything else is somebody's work: named, and left alone unless forced. Between looking and saving, Grafana's own version number guards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.grafana.client import Grafana
from dashboards.grafana.datasources import Datasource
from dashboards.grafana.generate import FOLDERS, JSON
from dashboards.grafana.marks import content_mark, told_mark
from foundation.errors import Conflict

CREATED, UPDATED, OVERWRITTEN, UNCHANGED = "created", "updated", "overwritten", "unchanged"
# Left alone: changed by hand there; provisioned there from files; not made because this installation's settings lack its address.
EDITED, FILED, UNSET = "edited there", "from files there", "not set up"
# Fields of a datasource that are compared; secrets are never told by Grafana.
_COMPARED = ("name", "type", "access", "url", "user")


@dataclass(frozen=True)
class Outcome:
    """What became of one folder, datasource or board."""

    kind: str
    uid: str
    state: str
    detail: str = ""

    @property
    def left(self) -> bool:
        """Whether something else than ours is there now, and somebody has to decide."""
        return self.state in (EDITED, FILED)


def shipped(langs: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the boards we ship by language."""
    return {lang: [json.loads(path.read_text(encoding="utf-8")) for path in sorted((JSON / lang).glob("*.json"))] for lang in langs}


def push(
    grafana: Grafana,
    boards: dict[str, list[dict[str, Any]]],
    sources: Sequence[Datasource],
    *,
    force: bool = False,
    dry_run: bool = False,
) -> Iterator[Outcome]:
    """Push in the order in which things need each other, telling each as it is done; `dry_run` only looks."""
    grafana.version()
    for lang in boards:
        yield _push_folder(grafana, f"suhe-{lang}", FOLDERS[lang], dry_run=dry_run)
    for source in sources:
        yield _push_source(grafana, source, force=force, dry_run=dry_run)
    for lang, several in boards.items():
        for board in several:
            yield _push_board(grafana, board, f"suhe-{lang}", force=force, dry_run=dry_run)


def _push_folder(grafana: Grafana, uid: str, title: str, *, dry_run: bool) -> Outcome:
    # A folder that somebody renamed stays renamed: its uid is what counts.
    if grafana.folder(uid):
        return Outcome("folder", uid, UNCHANGED)
    if not dry_run:
        try:
            grafana.make_folder(uid, title)
        except Conflict:
            if not grafana.folder(uid):  # not another push that was faster, but another folder of this title
                raise
            return Outcome("folder", uid, UNCHANGED)
    return Outcome("folder", uid, CREATED)


def _push_source(grafana: Grafana, source: Datasource, *, force: bool, dry_run: bool) -> Outcome:
    there = grafana.datasource(source.uid)
    if source.unset:
        state = UNCHANGED if there else UNSET
        return Outcome("datasource", source.uid, state, f"empty here: {', '.join(source.unset)}")
    if there is None:
        if not dry_run:
            grafana.make_datasource(source.body)
        return Outcome("datasource", source.uid, CREATED)
    different = _differences(there, source.body)
    if not different and not (force and "secureJsonData" in source.body):
        return Outcome("datasource", source.uid, UNCHANGED)
    if there.get("readOnly"):
        if not different:
            return Outcome("datasource", source.uid, UNCHANGED)
        return Outcome("datasource", source.uid, FILED, f"differs in {', '.join(different)}")
    if not dry_run:
        kept: dict[str, Any] = {name: there[name] for name in ("version", "isDefault") if name in there}
        grafana.change_datasource({**kept, **source.body, "jsonData": {**(there.get("jsonData") or {}), **source.body["jsonData"]}})
    return Outcome("datasource", source.uid, UPDATED if different else OVERWRITTEN, ", ".join(different or ["password"]))


def _differences(there: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    options = there.get("jsonData") or {}
    different = [name for name in _COMPARED if name in wanted and there.get(name, "") != wanted[name]]
    different += [name for name, value in wanted["jsonData"].items() if options.get(name) != value]
    missing = [name for name in wanted.get("secureJsonData", {}) if not (there.get("secureJsonFields") or {}).get(name)]
    return different + missing


def _push_board(grafana: Grafana, board: dict[str, Any], folder: str, *, force: bool, dry_run: bool) -> Outcome:
    uid, mark = str(board["uid"]), told_mark(board)
    there = grafana.board(uid)
    if there is None:
        if not dry_run:
            grafana.put_board(board, folder=folder, message=_message(mark), overwrite=False)
        return Outcome("board", uid, CREATED)
    stored, meta = there["dashboard"], there["meta"]
    version = stored.get("version", meta.get("version"))
    untouched = _untouched(grafana, uid, stored, version)
    if untouched and told_mark(stored) == mark:
        return Outcome("board", uid, UNCHANGED)
    if meta.get("provisioned"):
        return Outcome("board", uid, FILED, "`suhe grafana files` renews those files; a push cannot")
    if not untouched and not force:
        return Outcome("board", uid, EDITED, str(stored.get("title", "")))
    if not dry_run:
        body = {**board, "id": stored.get("id"), "version": version}
        # It stays in the folder where somebody may have put it.
        grafana.put_board(body, folder=meta.get("folderUid", folder), message=_message(mark), overwrite=not untouched)
    return Outcome("board", uid, UPDATED if untouched else OVERWRITTEN)


def _untouched(grafana: Grafana, uid: str, stored: dict[str, Any], version: Any) -> bool:
    mark = told_mark(stored)
    if not mark:
        return False
    return content_mark(stored) == mark or grafana.message_of(uid, version) == _message(mark)


def _message(mark: str) -> str:
    return f"suhe grafana push {mark}"

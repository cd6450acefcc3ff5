"""`suhe trace anchor`: where the log stands on a chain that its operator cannot take back."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from traceability.anchor import Anchor, AnchorStatus
    from traceability.anchor_check import AnchorCheck

app = typer.Typer(help="Where the log is anchored on an EVM chain.", no_args_is_help=True)


@app.command()
def status(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Ask the chain itself and compare it with the log recomputed from its bodies.")
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say what is anchored and what is not; exit 1 where the log is not the one that was anchored."""
    from suhe.commands.trace import _services

    services = _services()
    told = services.anchors.status()
    checked = services.anchors.check() if check else None
    account = services.anchors.account()
    if json_output:
        print(json.dumps({**status_json(told), "account": account, **({"check": check_json(checked)} if checked else {})}, indent=2))
    else:
        for line in [*status_lines(told, account), *(check_lines(checked) if checked else [])]:
            print(line)
    sys.exit(1 if told.alarm or (checked is not None and not checked.ok) else 0)


@app.command()
def deploy() -> None:
    """Make a contract for this log on the chain of SUHE_CHAIN_URL. A demo's own chain needs no such word."""
    from suhe.commands.trace import _services

    services = _services()
    made = services.anchors.deploy()
    print(f"contract {made.address} on chain {made.chain_id}, transaction {made.tx_hash}")
    print("the scheduler anchors there as soon as it is in a block")


def status_lines(told: AnchorStatus, account: str) -> list[str]:
    """Return the status for a terminal."""
    lines = [f"state      {told.in_words}{_since(told)}"]
    if told.detail:
        lines.append(f"           {told.detail}")
    c = told.contract
    if c is not None:
        kind = "development chain, not an independent anchor" if c.development else "outside chain"
        lines.append(f"chain      id {c.chain_id}, height {told.height}, first block 0x{c.genesis.hex()[:16]}… ({kind})")
        lines.append(f"contract   {c.address}{' GONE: ' + c.gone_why if c.gone_ms else ''}")
    if account:
        lines.append(f"account    {account}")
    lines.append(f"anchored   {_anchor_text(told.newest) if told.newest else 'nothing'}")
    if told.sent:
        lines.append(f"on its way size {told.sent.size}, transaction {told.sent.tx_hash}")
    lines.append(
        f"waiting    {told.waiting_records} of {told.log_size} records, {told.waiting_checkpoints} checkpoints (one anchor takes all)"
    )
    if told.lost:
        lines.append(f"lost       {told.lost} anchors went with the chains that held them")
    if told.looked_ms:
        lines.append(
            f"looked     {_time(told.looked_ms)}; the chain last answered {_time(told.reached_ms) if told.reached_ms else 'never'}"
        )
    else:
        lines.append("looked     never: the scheduler has not run")
    return lines


def check_lines(checked: AnchorCheck) -> list[str]:
    """Return what the chain itself said, for a terminal."""
    head = f"checked    {len(checked.anchors)} anchors of contract {checked.contract or '-'} against {checked.log_size} records recomputed"
    return [head, *(f"FAIL       {p}" for p in checked.problems), f"           {'everything holds' if checked.ok else 'DOES NOT HOLD'}"]


def status_json(told: AnchorStatus) -> dict[str, Any]:
    """Return the status as plain values."""
    c = told.contract
    contract = c and {
        "chain_id": c.chain_id, "genesis": "0x" + c.genesis.hex(), "address": c.address, "development": c.development,
        "gone": c.gone_why if c.gone_ms else None,
    }  # fmt: skip
    return {
        "condition": told.condition, "in_words": told.in_words, "since_ms": told.since_ms, "detail": told.detail, "alarm": told.alarm,
        "looked_ms": told.looked_ms, "reached_ms": told.reached_ms, "height": told.height, "contract": contract,
        "anchored": anchor_json(told.newest), "sent": anchor_json(told.sent), "lost": told.lost, "log_size": told.log_size,
        "waiting_records": told.waiting_records, "waiting_checkpoints": told.waiting_checkpoints,
    }  # fmt: skip


def anchor_json(a: Anchor | None) -> dict[str, Any] | None:
    """Return an anchor as plain values."""
    if a is None:
        return None
    return {
        "size": a.size, "root": a.root.hex(), "state": a.state, "tx_hash": a.tx_hash, "sent_ms": a.sent_ms, "block_number": a.block_number,
        "block_hash": a.block_hash, "block_ms": a.block_ms,
    }  # fmt: skip


def check_json(checked: AnchorCheck) -> dict[str, Any]:
    """Return the check as plain values."""
    anchors = [
        {"size": a.size, "root": a.root.hex(), "block_number": a.mined.block_number, "tx_hash": a.mined.tx_hash} for a in checked.anchors
    ]
    return {
        "ok": checked.ok, "contract": checked.contract, "log_size": checked.log_size, "problems": list(checked.problems),
        "anchors": anchors,
    }  # fmt: skip


def _anchor_text(a: Anchor) -> str:
    return f"size {a.size}, block {a.block_number} at {_time(a.block_ms or 0)}, transaction {a.tx_hash} ({a.state})"


def _since(told: AnchorStatus) -> str:
    return f", since {_time(told.since_ms)}" if told.since_ms else ""


def _time(ms: int) -> str:
    from foundation.clock import SHANGHAI, from_ms

    return f"{from_ms(ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"

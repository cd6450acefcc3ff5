"""`suhe ingest broker-check`: put a broker through what we ask of one, and say what each failure means and what to change."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict

_WORDS = {"holds": "holds", "fails": "FAILS", "note": "note"}


def run(url: str, *, gateway: str, ca: str, messages: int, as_json: bool) -> int:
    """Print the findings and return the exit code: 0 where nothing fails."""
    from foundation.errors import BadInput
    from ingest.broker.check import FAILS, Broker, Finding, as_gateway, check_broker, read_address

    if not 1 <= messages <= 1_000_000:
        raise BadInput("so many messages cannot be tried", expected="1 to 1,000,000", got=str(messages))
    broker = Broker(read_address(url, ca), messages)
    if gateway:
        as_gateway(broker, gateway)
    findings: list[Finding] = []
    for finding in check_broker(broker):
        findings.append(finding)
        if not as_json:
            print(f"{_WORDS[finding.state]:<6} {finding.promise:<40} {finding.measured}", flush=True)
    failed = any(f.state == FAILS for f in findings)
    if as_json:
        address = f"{broker.address.host}:{broker.address.port}"
        print(json.dumps({"broker": address, "ok": not failed, "findings": [asdict(f) for f in findings]}, ensure_ascii=False, indent=2))
        return int(failed)
    for finding in findings:
        if finding.means:
            print(f"\n{_WORDS[finding.state]}: {finding.promise}\n  {finding.means}")
            if finding.change:
                print(f"  To change: {finding.change}")
    counts = Counter(f.state for f in findings)
    print(f"\n{counts['holds']} hold, {counts['fails']} fail, {counts['note']} noted", file=sys.stderr)
    return int(failed)

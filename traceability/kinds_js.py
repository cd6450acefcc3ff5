"""The table of kinds as the browser's verifier needs it. After a change of the vocabulary: `python -m traceability.kinds_js`."""

from __future__ import annotations

import json
from pathlib import Path

from traceability.bundle_rules import PLACED_KINDS
from traceability.vocabulary import KINDS

FILE = Path(__file__).resolve().parents[1] / "dashboards" / "web" / "src" / "_kinds.js"


def kinds_js() -> str:
    """Return the module's text."""
    rows = ",\n".join(
        f"  {json.dumps([k.name, k.epcis_type, k.biz_step, sorted(k.signers)])}" for k in sorted(KINDS.values(), key=lambda k: k.name)
    )
    return (
        "// Made from traceability/vocabulary.py by `python -m traceability.kinds_js`: name, EPCIS type, step, roles that may sign it.\n"
        f"export const KINDS = [\n{rows},\n];\nexport const PLACED = {json.dumps(list(PLACED_KINDS))};\n"
    )


if __name__ == "__main__":
    FILE.write_text(kinds_js())

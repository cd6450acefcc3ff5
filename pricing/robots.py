"""robots.txt as RFC 9309 reads it, and which of its lines forbids an address."""

from __future__ import annotations

from dataclasses import dataclass

from protego import Protego

AGENT = "suhe-price-collector"
# RFC 9309 asks that at least 500 KiB are read; the rest of a longer file is left unread.
LONGEST_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one host. An empty text forbids nothing."""

    text: str

    def forbids(self, url: str) -> str:
        """Return the line that forbids our agent an address, or nothing where it may be asked."""
        if Protego.parse(self.text).can_fetch(url, AGENT):
            return ""
        lines = self.text.splitlines()
        for k, line in enumerate(lines):
            if not line.strip().lower().startswith("disallow"):
                continue
            # The rule that matters is the one without which the address would be allowed.
            if Protego.parse("\n".join(lines[:k] + lines[k + 1 :])).can_fetch(url, AGENT):
                return f"line {k + 1}: {line.strip()[:120]}"
        return "several lines that say the same"

    @property
    def delay_seconds(self) -> float:
        """The pause the host asks of our agent, 0 where it names none."""
        return float(Protego.parse(self.text).crawl_delay(AGENT) or 0.0)

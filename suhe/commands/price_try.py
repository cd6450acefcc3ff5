"""`suhe price source try`: ask one source now and show what it says; a newcomer to a source starts here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pricing.collecting import Batch
    from pricing.source import Source


def run(source: str, url: str, day: str) -> None:
    """Print a source's rows for one day, how they read, what was refused, how fresh it is, what is odd, and the terms it is read on."""
    from foundation.clock import market_day
    from foundation.errors import BadInput
    from pricing.addresses import LOOPBACK_HOSTS
    from pricing.fetching import open_client
    from pricing.sources import source as find
    from suhe.cli import settings
    from suhe.commands.trace import _services

    found = find(source)
    try:
        wanted = date.fromisoformat(day) if day else None
    except ValueError as error:
        raise BadInput("this is no day", expected="YYYY-MM-DD", got=day) from error
    if not url and not found.address:
        raise BadInput("this source has no public address of its own", todo="name one with --url")
    if not url and found.permission == "written":
        raise BadInput(
            "this source needs its owner's written permission", expected="an operator who has it", todo="name the address with --url then"
        )
    services = _services()
    allowed = LOOPBACK_HOSTS if services.demo else services.settings.private_price_hosts
    with open_client(settings().contact, allow=allowed) as client:
        batch = services.prices.try_source(source, url, wanted, client)
    today = market_day(services.clock.now())
    print(f"{found.name_zh} / {found.name_en}; licence: {found.licence}; permission: {found.permission}")
    for p in batch.payloads:
        print(f"  {p.url}  {len(p.body)} bytes  sha256 {p.sha256}")
    for line in rows_of(batch):
        print("  " + line)
    for r in batch.refused:
        print(f"  refused row {r.row} {r.name}: {r.text} ({r.detail})")
    print(f"{len(batch.quotes)} quotes, {len(batch.refused)} refused; {freshness(batch, wanted or today, today)}; nothing was stored")
    for warning in warnings(found, batch, wanted or today, today):
        print(f"warning: {warning}")


def rows_of(batch: Batch) -> list[str]:
    """Return the quotes, indices and closed days of a batch, a line each; yuan are shown per 斤 first."""
    lines = []
    for q in batch.quotes:
        s = q.series
        label = " ".join(x for x in (s.name, s.spec, s.grade, s.origin) if x)
        price = f"{q.mid / 2000:>8.3f} 元/斤" if s.currency == "CNY" else f"{q.mid / 1000:>8.2f} {s.currency}/kg"
        volume = f", {q.volume_kg:,} kg sold" if q.volume_kg else ""
        lines.append(f"{q.valid_date}  {s.market:<12} {price}  {s.product or '-':<22} {label}  ({q.raw_price} per {q.raw_unit}{volume})")
    for page in batch.pages:
        lines += [f"{i.day}  index {i.code:<3} {i.value}" for i in page.indices]
        lines += [f"{day}  {market:<12} was closed" for market, day in page.closed]
    return lines


def freshness(batch: Batch, day: date, today: date) -> str:
    """Return how old the newest thing a batch tells is."""
    told = [q.valid_date for q in batch.quotes] + [i.day for page in batch.pages for i in page.indices]
    if not told:
        return f"nothing for {day}"
    age = (today - max(told)).days
    return f"newest day {max(told)}, " + ("today" if age == 0 else f"{age} day{'s' if age != 1 else ''} old")


def warnings(source: Source, batch: Batch, day: date, today: date) -> list[str]:
    """Return what is odd about a batch and about the source's terms."""
    from pricing.guards import Usual, inspect
    from pricing.quotes import Window

    window = Window(day, day)
    found = [f.text for f in inspect(window, batch.pages, batch.quotes, batch.refused, {}, Usual(), today=today, calendar=source.calendar)]
    if source.calendar.closed_on(day):
        found.append(f"the source is closed on {day}: silence means nothing")
    elif not source.calendar.quotes_on(day):
        found.append(f"the source does not quote on the weekday of {day}")
    unknown = sorted({q.series.name for q in batch.quotes if q.series.product is None})
    if unknown:
        found.append(f"{len(unknown)} names mean none of our products: " + ", ".join(unknown[:8]))
    if source.robots_checked_at is None and source.permission != "own":
        found.append("no person has read the site's robots.txt and terms yet; the collector keeps to robots.txt by itself")
    if not source.enabled:
        found.append(
            "this source is off by default" + (": it needs its owner's written permission" if source.permission == "written" else "")
        )
    return found

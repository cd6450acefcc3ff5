"""`suhe price try`: ask one source now and show what it says; a newcomer to a source starts here."""

from __future__ import annotations

from datetime import date


def run(source: str, url: str, day: str) -> None:
    """Print a source's rows for one day, how they read in 元/斤, what was refused, and the terms it is read on."""
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
    services = _services()
    allowed = LOOPBACK_HOSTS if services.demo else services.settings.private_price_hosts
    with open_client(settings().contact, allow=allowed) as client:
        batch = services.prices.try_source(source, url, wanted, client)
    print(f"{found.name_zh} / {found.name_en}; licence: {found.licence}; permission: {found.permission}")
    for p in batch.payloads:
        print(f"  {p.url}  {len(p.body)} bytes  sha256 {p.sha256}")
    for q in batch.quotes:
        label = " ".join(x for x in (q.series.name, q.series.spec, q.series.grade, q.series.origin) if x)
        product = q.series.product or "-"
        print(
            f"  {q.valid_date}  {q.series.market:<12} {q.mid / 2000:>8.3f} 元/斤  {product:<22} {label}  ({q.raw_price} per {q.raw_unit})"
        )
    for r in batch.refused:
        print(f"  refused row {r.row} {r.name}: {r.text} ({r.detail})")
    newest = max((q.valid_date for q in batch.quotes), default=None)
    print(f"{len(batch.quotes)} quotes, {len(batch.refused)} refused, newest day {newest or 'none'}; nothing was stored")

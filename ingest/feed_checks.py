"""What a feed must be for ingest, besides what the registry asks of it: a format we have, a mapping that can be read."""

from __future__ import annotations

from foundation.errors import BadInput
from ingest.formats.catalog import format_named
from registry.feeds import Feed

# Only for messages that come by themselves over TCP.
STATION_FORMATS = ("sl651", "hj212")


def check_feed(feed: Feed) -> None:
    """Refuse a feed whose format is none, whose mapping has a mistake, or that is a station's without being one."""
    format_named(feed.format)
    if feed.format == "suhe":
        raise BadInput("our own format needs no feed", todo="let the gateway publish under suhe/v1")
    if feed.format == "mapping":
        from ingest.formats.mapping_file import read_table

        read_table(feed.mapping)
    elif feed.mapping:
        raise BadInput("only the format mapping has a mapping table", got=feed.format)
    if bool(feed.station) != (feed.format in STATION_FORMATS):
        raise BadInput(
            "a station's number goes with a station's format, and only with that",
            expected=" or ".join(STATION_FORMATS),
            got=f"{feed.format} {feed.station}",
        )

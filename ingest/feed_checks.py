"""What a feed must be for ingest, besides what the registry asks of it: a format we have, a mapping that can be read."""

from __future__ import annotations

import re
import secrets

from foundation.errors import BadInput
from ingest.formats.catalog import format_named
from registry.feeds import Feed

# Only for messages that come by themselves over TCP.
STATION_FORMATS = ("sl651", "hj212")
_HEX, _WORD = re.compile(r"[0-9A-Fa-f]{4}\Z"), re.compile(r"[A-Za-z0-9]{1,20}\Z")


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


def new_station_password(format_name: str) -> str:
    """Return a random password of the length a station's protocol has room for. It is no protection on an open network."""
    return f"{1000 + secrets.randbelow(9000)}" if format_name == "sl651" else secrets.token_hex(3)


def check_station_password(format_name: str, password: str) -> str:
    """Return a station's own password as its frames will say it; raise BadInput where they cannot."""
    expected = {"sl651": "four hex digits", "hj212": "1 to 20 letters and digits"}[format_name]
    if not {"sl651": _HEX, "hj212": _WORD}[format_name].match(password):
        raise BadInput("this cannot be the station's password", expected=expected, got=f"{len(password)} characters")
    return password.upper() if format_name == "sl651" else password

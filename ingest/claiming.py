"""Messages taken out of quarantine again: as if they came now, under the names that were given meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from foundation.errors import BadInput
from ingest.batch import Batch
from ingest.payloads import decode_up
from ingest.quarantine import BIRTH, CLOCK, GATEWAY, STATION, Entry, HeldMessage, entries, messages_of

if TYPE_CHECKING:
    from ingest.intake import Intake

# In one go: a batch that stays small beside what comes meanwhile.
MOST_AT_ONCE = 500


def reclaim(intake: Intake, batch: Batch, mine: Iterable[str] | None = None) -> int:
    """Take again what waits under names that are known by now, at most so many messages, and return how many.

    `mine` narrows it to the gateways of one worker's shards; left out, it is somebody who does not listen.
    """
    from foundation.ids import shard_of

    taken = 0
    shards = None if mine is None else set(mine)
    for entry in entries(intake.catalog, "kind NOT IN (?, ?)", (CLOCK, BIRTH)):
        if taken >= MOST_AT_ONCE:
            break
        if (shards is not None and shard_of(entry.gateway) not in shards) or not is_known(intake, entry):
            continue
        for message in messages_of(intake.catalog, entry.id, MOST_AT_ONCE - taken):
            if (entry.id, message.id) in intake.reclaimed:
                continue  # on its way to the disk
            intake.reclaimed.add((entry.id, message.id))
            take_again(intake, entry, message, batch)
            taken += 1
    return taken


def is_known(intake: Intake, entry: Entry) -> bool:
    """Tell whether what an entry waited for is there."""
    if entry.kind == GATEWAY:
        return intake.county_of(entry.gateway) is not None
    if entry.kind == STATION and not entry.feed:
        return intake.foreign.station(entry.name, entry.topic.partition("/")[0]) is not None
    if not entry.feed:
        return intake.speaks_for(entry.gateway, entry.name)
    return intake.foreign.knows(entry.feed, entry.name)


def take_again(intake: Intake, entry: Entry, message: HeldMessage, batch: Batch, *, at_receipt: bool = False) -> None:
    """Take one message of an entry, of the entry's device alone; on the batch's flush it leaves the quarantine.

    `at_receipt`: its values are filed under when it was received, for a clock nobody can believe. A message whose feed is gone stays.
    """
    station = entry.kind == STATION and not entry.feed
    feed = intake.foreign.station(entry.name, entry.topic.partition("/")[0]) if station else intake.foreign.feed(entry.feed)
    if feed is None and (station or entry.feed):
        return
    batch.released.append((entry.id, message.id))
    if feed is not None:
        only = None if station else entry.name
        intake.foreign.take(feed, message.topic, message.body, message.received_ms, batch, only=only, at_receipt=at_receipt)
        return
    if entry.kind == GATEWAY:
        intake.take(message.topic, message.body, message.received_ms, batch)
        return
    try:
        up = decode_up(message.body)
    except BadInput:
        return  # it was read before it came here
    readings = [r for r in up.readings if r.d == entry.name]
    wrong = intake.take_rows(entry.gateway, readings, None, up.seq, message.received_ms, batch)
    for why in dict.fromkeys(wrong.values()):
        batch.dead.append((message.received_ms, entry.gateway, message.topic[:200], why, message.body))

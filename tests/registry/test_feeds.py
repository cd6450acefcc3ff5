"""Feeds: filters that do not overlap, names that stay behind their gateway."""

from __future__ import annotations

import pytest

from foundation.errors import BadInput, Conflict, NotFound
from registry.feeds import ChannelName, DeviceName, Feed, FeedBook, check_filter, matches, overlap
from registry.service import Registry
from tests.registry.examples import LEVEL

LORA = Feed("lora", "by-01-gw", "chirpstack-v4", "application/7/device/+/event/up")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+/c", "a/b/#", True),
        ("a/b", "a/b/c", False),
        ("a/+/c", "a/b/d", False),
        ("a/+", "a/b/c", False),
    ],
)
def test_two_filters_overlap_where_a_topic_is_in_both(one: str, other: str, both: bool) -> None:
    """Overlap is symmetric and follows MQTT's wildcards, the parent level of # included."""
    assert overlap(one, other) is overlap(other, one) is both


@pytest.mark.parametrize(
    ("topic_filter", "topic", "takes"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/+", "a", False),
        ("a/b", "a/b/c", False),
        ("a/+", "a/", True),
    ],
)
def test_a_filter_takes_the_topics_mqtt_says(topic_filter: str, topic: str, takes: bool) -> None:
    """Matching is MQTT's."""
    assert matches(topic_filter, topic) is takes


@pytest.mark.parametrize(
    "wrong",
    ["#", "+/up", "suhe/#", "suhe/v1/0/x/up", "suhe/+/x", "$SYS/#", "$share/g/a", "a/#/b", "a/b+", "a b/c", "a\nuser x/b", "a/" * 12 + "b"],
)
def test_a_filter_that_reaches_too_far_is_refused(wrong: str) -> None:
    """Nothing of ours, of the broker's or of everybody's, and nothing that could be read as another line of an ACL."""
    with pytest.raises(BadInput):
        check_filter(wrong)


def test_feeds_and_names_are_kept_and_read_as_a_book(filled: Registry) -> None:
    """What was registered is answered from one book, a device's own channel name before the one for all."""
    filled.add_feed(LORA)
    filled.add_feed(Feed("rain", "by-01-gw", "sl651", station="0012345678"))
    filled.name_device(DeviceName("lora", "Test device", LEVEL.id))
    filled.name_channel(ChannelName("lora", "", "temp", "air_temperature", "Cel", 0.1))
    filled.name_channel(ChannelName("lora", LEVEL.id, "temp", "water_temperature", "Cel", 0.1, -40.0))
    book = filled.feed_book()
    assert [f.id for f in book.feeds] == ["lora", "rain"]
    assert book.of_topic("application/7/device/0101/event/up") == LORA and book.of_topic("application/8/device/0101/event/up") is None
    assert book.of_station("0012345678", "sl651") == book.feed("rain")
    assert book.device("lora", "Test device") == LEVEL.id and book.device("rain", "Test device") is None
    named = book.channel("lora", LEVEL.id, "temp")
    assert named is not None and (named.channel, named.offset) == ("water_temperature", -40.0)
    assert filled.feed_book() == book and book.edition != FeedBook().edition
    filled.forget_channel_name("lora", LEVEL.id, "temp")
    named = filled.feed_book().channel("lora", LEVEL.id, "temp")
    assert named is not None and named.channel == "air_temperature"
    filled.remove_feed("lora")
    assert [f.id for f in filled.feeds("321023")] == ["rain"] and filled.feed_book().devices == ()


def test_a_feed_that_takes_anothers_messages_is_refused(filled: Registry) -> None:
    """Filters of two feeds are disjoint, a station belongs to one feed, an id is used once."""
    filled.add_feed(LORA)
    filled.add_feed(Feed("rain", "by-01-gw", "sl651", station="0012345678"))
    for taken in (
        Feed("other", "by-01-gw", "mapping", "application/+/device/#"),
        Feed("lora", "by-01-gw", "mapping", "elsewhere/#"),
        Feed("other", "by-01-gw", "sl651", station="0012345678"),
    ):
        with pytest.raises(Conflict):
            filled.add_feed(taken)
    with pytest.raises(BadInput):
        filled.add_feed(Feed("other", "no-gw", "mapping", "elsewhere/#"))


def test_a_name_means_only_devices_behind_the_feeds_gateway(filled: Registry) -> None:
    """A sender is given no name for another gateway's device."""
    filled.register_gateway("by-02-gw", "321023", "by-01", "网关二", "Gateway 2")
    filled.add_feed(Feed("theirs", "by-02-gw", "chirpstack-v4", "application/9/#"))
    with pytest.raises(Conflict, match="another gateway"):
        filled.name_device(DeviceName("theirs", "x", LEVEL.id))
    with pytest.raises(NotFound):
        filled.name_device(DeviceName("nobody", "x", LEVEL.id))


def test_a_feed_is_found_by_its_secret_which_is_not_kept(filled: Registry) -> None:
    """Only the hash of a secret is kept; an empty one finds nothing."""
    filled.add_feed(LORA)
    changed = filled.set_feed_secret("lora", "a long secret")
    assert "secret" not in changed.secret_hash and filled.feed_of_secret("a long secret") == changed
    assert filled.feed_of_secret("another") is None and filled.feed_of_secret("") is None
    filled.set_feed_secret("lora", "")
    assert filled.feed_of_secret("a long secret") is None


def test_a_station_s_password_opens_nothing_else(filled: Registry) -> None:
    """Four digits that a station sends in the clear are no token over HTTP."""
    filled.add_feed(Feed("river", "by-01-gw", "sl651", station="0012345678"))
    assert filled.set_feed_secret("river", "1234").secret_hash and filled.feed_of_secret("1234") is None

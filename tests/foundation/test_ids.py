"""Identifiers: what may stand in a topic, codes that show a mistyped character, UUIDs in order of time."""

from __future__ import annotations

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from foundation.ids import check_county, check_id, crockford_decode, crockford_encode, in_fours, shard_of, uuid7

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ten_bytes = st.binary(min_size=10, max_size=10)


@given(ten_bytes)
def test_a_code_reads_back(value: bytes) -> None:
    """Ten bytes are sixteen characters and a check character, and come back whole."""
    code = crockford_encode(value)
    assert len(code) == 17
    assert crockford_decode(code, 10) == value


@given(ten_bytes)
def test_a_code_is_read_as_people_write_it(value: bytes) -> None:
    """Case, dashes, blanks, O for 0 and I or L for 1 make no difference."""
    code = crockford_encode(value)
    body = code[:-1].replace("0", "o").replace("1", "l").lower()
    assert crockford_decode(in_fours(body + code[-1]), 10) == value
    assert crockford_decode(" ".join(code.replace("1", "I")), 10) == value


@given(ten_bytes, st.integers(0, 16), st.sampled_from(ALPHABET + "*~$=U"))
def test_every_mistyped_character_is_found(value: bytes, at: int, wrong: str) -> None:
    """A code with one other character, wherever it stands, is refused."""
    code = crockford_encode(value)
    mistyped = code[:at] + wrong + code[at + 1 :]
    if mistyped == code:
        assert crockford_decode(mistyped, 10) == value
        return
    with pytest.raises(BadInput):
        crockford_decode(mistyped, 10)


def test_every_character_at_every_place_of_one_code() -> None:
    """Without chance: all 17 x 36 single changes of a code are refused."""
    code = crockford_encode(bytes(range(10)))
    changed = {code[:k] + c + code[k + 1 :] for k in range(17) for c in ALPHABET + "*~$=U"} - {code}
    for mistyped in changed:
        with pytest.raises(BadInput):
            crockford_decode(mistyped, 10)


@given(ten_bytes, st.integers(0, 14))
def test_two_neighbours_exchanged_are_found(value: bytes, at: int) -> None:
    """Exchanging two neighbouring characters, the commonest slip, is refused."""
    code = crockford_encode(value)
    exchanged = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    if exchanged != code:
        with pytest.raises(BadInput):
            crockford_decode(exchanged, 10)


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    """Whatever is typed, the answer is ten bytes or BadInput."""
    try:
        assert len(crockford_decode(text, 10)) == 10
    except BadInput:
        pass


def test_foreign_letters_are_no_spelling_of_a_code() -> None:
    """A letter that upper-cases into ours, such as the long s, is refused."""
    code = crockford_encode(bytes.fromhex("c9" * 10))
    assert "S" in code
    with pytest.raises(BadInput):
        crockford_decode(code.replace("S", "ſ", 1), 10)


def test_bytes_that_would_lose_bits_are_refused() -> None:
    """Only multiples of five bytes have a code: of others, bits would be dropped unseen."""
    with pytest.raises(ValueError, match="multiple of five"):
        crockford_encode(b"abc")


def test_a_published_vector_of_the_alphabet() -> None:
    """Crockford's symbols in order, with the check symbol of 32 = `*`."""
    assert crockford_encode((32).to_bytes(5, "big")) == "00000010*"
    assert crockford_encode((36).to_bytes(5, "big")) == "00000014U"
    assert crockford_encode((37).to_bytes(5, "big")) == "000000150"


@given(st.lists(st.integers(0, (1 << 48) - 1), min_size=2, unique=True))
def test_uuids_sort_as_their_times(times: list[int]) -> None:
    """Later milliseconds make greater UUIDs, as values and as text; version and variant are RFC 9562's."""
    made = [uuid7(ms) for ms in sorted(times)]
    assert made == sorted(made)
    assert [str(u) for u in made] == sorted(str(u) for u in made)
    assert all(u.version == 7 and u.variant == uuid.RFC_4122 and u.int >> 80 == ms for u, ms in zip(made, sorted(times), strict=True))


def test_a_uuid_is_the_standards_example() -> None:
    """The example of RFC 9562, appendix A.6, comes out digit by digit."""
    noise = bytes.fromhex("0cc3") + bytes.fromhex("18c4dc0c0c07398f")
    assert str(uuid7(0x017F22E279B0, noise)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_too_much_noise_does_not_reach_the_time() -> None:
    """Handing in another number of random bytes is refused."""
    with pytest.raises(ValueError, match="ten random bytes"):
        uuid7(1, b"x" * 11)


@pytest.mark.parametrize("good", ["a", "sx-01-gw", "A_b.c-9", "x" * 64, "...a"])
def test_an_id_may_stand_in_a_topic_and_a_path(good: str) -> None:
    """Letters, digits, _ . - are taken as they are."""
    assert check_id(good) == good


@pytest.mark.parametrize("bad", ["", "x" * 65, "a/b", "a+", "#", "%u", "a b", "宝应", "a\n", ".", "..", "...", "a\x00"])
def test_what_could_leave_its_topic_or_folder_is_refused(bad: str) -> None:
    """Wildcards, separators, blanks, control characters and dots alone are no ids."""
    with pytest.raises(BadInput):
        check_id(bad)


@pytest.mark.parametrize("bad", ["", "37152", "3715222", "37152a", "３７１５２２", "371522\n"])
def test_a_county_is_six_digits(bad: str) -> None:
    """Anything but six ASCII digits is refused."""
    assert check_county("371522") == "371522"
    with pytest.raises(BadInput):
        check_county(bad)


@given(st.text(min_size=1, max_size=64))
def test_a_shard_is_the_first_digit_of_the_hash(gateway: str) -> None:
    """The shard is one hex digit, the same for everybody who computes it."""
    assert shard_of(gateway) == hashlib.sha256(gateway.encode()).hexdigest()[0]

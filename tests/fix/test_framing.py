"""Bytes into frames: whatever the pieces, whatever the garbage, at linear cost and in bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.fix import framing
from fixgw.fix.framing import Framer, Garbled, checksum, seal
from tests.fix.samples import KALSHI_FRAMES, LOGON, NEW_ORDER, REFUSAL
from tests.wire import wire

HEARTBEAT = wire("35=0|34=7|49=A|56=B|52=20261009-14:30:00.000")
OLD_HEARTBEAT = wire("8=FIX.4.4|35=0|34=7|49=A|56=B|52=20261009-14:30:00.000")


def feed_all(framer: Framer, pieces: Iterable[bytes]) -> list[bytes | Garbled]:
    return [found for piece in pieces for found in framer.feed(piece)]


def frames_of(found: list[bytes | Garbled]) -> list[bytes]:
    return [one for one in found if isinstance(one, bytes)]


def skipped(found: list[bytes | Garbled]) -> int:
    return sum(one.size for one in found if isinstance(one, Garbled))


def the_fault(found: list[bytes | Garbled]) -> Garbled:
    (fault,) = [one for one in found if isinstance(one, Garbled)]
    return fault


def test_frames_of_the_reference_come_out_as_they_went_in() -> None:
    assert Framer().feed(b"".join(KALSHI_FRAMES)) == list(KALSHI_FRAMES)


def test_begin_strings_may_change_from_frame_to_frame() -> None:
    stream = [OLD_HEARTBEAT, HEARTBEAT, HEARTBEAT, OLD_HEARTBEAT]
    assert Framer().feed(b"".join(stream)) == stream


# What goes in -> the reason given, and how many bytes of it are skipped.
CASES = {
    "an http request": (b"GET / HTTP/1.1\r\n\r\n", "no BeginString(8)", 18),
    "fields before BeginString": (wire("35=0|34=1")[12:], "no BeginString(8)", None),
    "no BodyLength": (
        b"8=FIXT.1.1\x0135=0\x0134=2\x0149=TW\x0152=0\x0156=ISLD\x0110=000\x01",
        "do not come",
        None,
    ),
    "MsgType not third": (wire("34=3|35=0|49=TW|56=ISLD"), "do not come", None),
    "BodyLength no number": (b"8=FIXT.1.1\x019=+5\x0135=0\x0134=000002\x0110=161\x01", "do not come", None),
    "BodyLength of ten digits": (b"8=FIXT.1.1\x019=2000000000\x0135=0\x0134=2\x01", "do not come", None),
    "BeginString too long": (b"8=FIXT.1.1.1.1.1.1.1.1.1\x019=5\x0135=0\x0110=161\x01", "do not come", None),
    "BodyLength too short": (wire("9=10|35=0|34=2|49=TW|56=ISLD"), "does not lead to CheckSum", None),
    "BodyLength of zero": (wire("9=0|35=0|34=2|49=TW|56=ISLD"), "does not lead to CheckSum", None),
    "checksum wrong": (HEARTBEAT[:-4] + b"000\x01", "CheckSum(10) is wrong", None),
    "checksum of one digit": (HEARTBEAT[:-7] + b"10=0\x01", "CheckSum(10)", None),
    "checksum beyond a byte": (HEARTBEAT[:-7] + b"10=999\x01", "is not three digits", None),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["whole", "byte by byte"])
def test_garbage_is_named_and_skipped_and_the_next_frame_is_found(case: str, way: str) -> None:
    garbage, reason, size = CASES[case]
    stream = garbage + NEW_ORDER
    pieces = [stream] if way == "whole" else [stream[at : at + 1] for at in range(len(stream))]
    framer = Framer()
    found = feed_all(framer, pieces)
    faults = [one for one in found if isinstance(one, Garbled)]
    assert reason in faults[0].reason
    assert sum(fault.size for fault in faults) == len(garbage) == (size or len(garbage))
    assert frames_of(found) == [NEW_ORDER]
    assert framer.pending == 0


@pytest.mark.parametrize("frame", [*KALSHI_FRAMES, OLD_HEARTBEAT])
def test_a_frame_is_found_whole_byte_by_byte_and_before_a_part_of_the_next(frame: bytes) -> None:
    assert Framer().feed(frame) == [frame]
    assert feed_all(Framer(), [frame[at : at + 1] for at in range(len(frame))]) == [frame]
    framer = Framer()
    assert framer.feed(frame + frame[:30]) == [frame]
    assert framer.pending == 30
    assert framer.feed(frame[30:]) == [frame]


def test_a_length_too_long_costs_this_message_and_the_next() -> None:
    too_long = wire(f"9={len(NEW_ORDER)}|35=0|34=4|49=TW|56=ISLD")
    found = Framer().feed(too_long + NEW_ORDER + REFUSAL)
    assert the_fault(found).size == len(too_long) + len(NEW_ORDER)
    assert frames_of(found) == [REFUSAL]


def test_a_garbled_frame_without_any_trailer_costs_no_more_than_a_frame() -> None:
    framer = Framer(max_frame_size=200)
    endless = b"8=FIXT.1.1\x019=5\x0135=0\x01" + b"x" * 500
    found = feed_all(framer, [endless[at : at + 7] for at in range(0, len(endless), 7)] + [HEARTBEAT])
    first = found[0]
    assert isinstance(first, Garbled)
    assert first.reason == "no CheckSum(10) follows"
    assert first.size == 200
    assert frames_of(found) == [HEARTBEAT]


def test_garbage_at_the_end_may_be_the_beginning_of_a_frame() -> None:
    framer = Framer()
    found = framer.feed(b"garbage8=FI")
    assert the_fault(found).size == 7
    assert framer.pending == 4
    assert framer.feed(HEARTBEAT[4:]) == [HEARTBEAT]


def test_a_run_of_false_starts_is_one_report() -> None:
    found = Framer().feed(b"8=FIX" * 1000 + HEARTBEAT)
    assert len(found) == 2
    assert the_fault(found).size == 5000


def test_a_frame_too_long_is_fatal_and_what_follows_is_still_found() -> None:
    framer = Framer(max_frame_size=len(HEARTBEAT))
    found = framer.feed(wire("35=0|34=7|49=A|56=B|52=20261009-14:30:00.000|112=too long") + HEARTBEAT)
    assert the_fault(found).fatal
    assert frames_of(found) == [HEARTBEAT]


@pytest.mark.parametrize("length", [b"65536", b"999999999"])
def test_a_huge_body_length_is_refused_at_once(length: bytes) -> None:
    framer = Framer()
    fault = the_fault(framer.feed(b"8=FIXT.1.1\x019=" + length + b"\x0135=A\x0134=1\x01"))
    assert fault.fatal
    assert "longer than 65536 bytes" in fault.reason
    assert framer.pending == 0


def test_two_thousand_million_bytes_are_never_waited_for() -> None:
    framer = Framer()
    framer.feed(b"8=FIXT.1.1\x019=2000000000\x0135=A\x01")
    for _ in range(200):
        framer.feed(b"x" * 1000)
        assert framer.pending <= 5


def test_a_begin_string_without_end_is_not_held() -> None:
    framer = Framer()
    framer.feed(b"8=FIXT")
    for _ in range(200):
        framer.feed(b"x" * 1000)
        assert framer.pending < 60


def test_checksums_may_go_unchecked_but_not_unformed() -> None:
    framer = Framer(check_checksum=False)
    wrong = HEARTBEAT[:-4] + b"000\x01"
    assert framer.feed(wrong) == [wrong]
    assert framer.feed(HEARTBEAT) == [HEARTBEAT]
    assert isinstance(framer.feed(HEARTBEAT[:-7] + b"10=abc\x01")[0], Garbled)


def test_an_excerpt_is_short_and_shows_no_secret() -> None:
    spoiled = LOGON[:-4] + b"000\x01"
    assert len(the_fault(Framer().feed(spoiled)).excerpt) == framing.EXCERPT_SIZE
    secret = wire("35=A|554=hunter2|34=1")[:-4] + b"000\x01"
    assert b"hunter2" not in the_fault(Framer().feed(secret)).excerpt


# -- cost, counted in work rather than in time --


class CountingFramer(Framer):
    """Counts how often something is looked at, and over how many bytes a search may run."""

    looks = 0

    def _intact(self, buffer: bytes | bytearray, start: int, size: int) -> bytes | None:
        self.looks += 1
        return super()._intact(buffer, start, size)


def test_a_dribbled_frame_is_looked_at_only_while_its_header_is_short() -> None:
    body = b"35=B\x0158=" + b"x" * 20_000 + b"\x01"
    frame = seal(b"FIXT.1.1", body)
    framer = CountingFramer()
    assert feed_all(framer, [frame[at : at + 1] for at in range(len(frame))]) == [frame]
    assert framer.looks < 40


@pytest.mark.parametrize("piece", [1, 20, 4096])
def test_many_headers_that_claim_much_cost_a_constant_each(piece: int) -> None:
    header = b"8=FIX.4.4\x019=60000\x0135=0\x01"
    stream = header * 4000
    framer = CountingFramer()
    for at in range(0, len(stream), piece):
        framer.feed(stream[at : at + piece])
        assert framer.pending <= 65_536 + piece
    assert framer.looks <= 2 * (len(stream) // min(piece, len(header)) + 4000)


def test_frames_with_wrong_checksums_are_summed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    summed = 0

    def counted(data: bytes) -> int:
        nonlocal summed
        summed += len(data)
        return checksum(data)

    monkeypatch.setattr(framing, "checksum", counted)
    wrong = NEW_ORDER[:-4] + b"000\x01"
    found = Framer().feed(wrong * 100)
    assert skipped(found) == 100 * len(wrong)
    assert summed == 100 * len(wrong)


# -- any bytes, any pieces --

noise = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"8=FIX",
            b"8=FIXT.1.1\x019=",
            b"\x0110=000\x01",
            b"8=FIX.4.2\x019=12\x0135=0\x01",
            b"8=FIXT.1.1\x019=900\x0135=D\x01",
            b"35=0\x01",
            HEARTBEAT[:-1],
            NEW_ORDER[:-4] + b"000\x01",
        ]
    ),
)
good = st.sampled_from([HEARTBEAT, OLD_HEARTBEAT, NEW_ORDER])
streams = st.lists(st.one_of(good, noise), max_size=12).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(streams, st.lists(st.integers(min_value=0, max_value=10_000), max_size=30))
def test_any_split_gives_the_frames_of_one_feed(stream: bytes, places: list[int]) -> None:
    whole, pieces = Framer(max_frame_size=400), Framer(max_frame_size=400)
    at_once = whole.feed(stream)
    in_pieces = feed_all(pieces, cut(stream, places))
    assert frames_of(in_pieces) == frames_of(at_once)
    assert skipped(in_pieces) == skipped(at_once)
    assert pieces.pending == whole.pending


@given(streams)
def test_every_byte_is_in_a_frame_or_skipped_or_held_and_frames_check(stream: bytes) -> None:
    framer = Framer(max_frame_size=400)
    found = framer.feed(stream)
    frames = frames_of(found)
    assert sum(map(len, frames)) + skipped(found) + framer.pending == len(stream)
    for frame in frames:
        assert frame[:5] == b"8=FIX"
        assert frame[-4:] == b"%03d\x01" % (sum(frame[:-7]) % 256)


@given(st.lists(good, max_size=8), st.lists(st.integers(min_value=0, max_value=10_000), max_size=30))
def test_valid_frames_survive_any_split(frames: list[bytes], places: list[int]) -> None:
    assert feed_all(Framer(), cut(b"".join(frames), places)) == frames


@given(st.binary(max_size=3000))
def test_checksum_is_the_sum_of_all_bytes(data: bytes) -> None:
    assert checksum(data) == sum(data) % 256


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 513, 1024, 5000])
@pytest.mark.parametrize("byte", [0x00, 0x7F, 0x80, 0xFF])
def test_checksum_holds_at_its_edges(size: int, byte: int) -> None:
    assert checksum(bytes([byte]) * size) == size * byte % 256


def test_sealed_text_is_a_frame() -> None:
    assert seal(b"FIXT.1.1", NEW_ORDER[17:-7]) == NEW_ORDER

"""Messages are found in streams, logs and pasted text, whatever separates their fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.fix.extract import PREFIX_SIZE, Extractor, Found, examine
from fixgw.fix.framing import seal
from tests.fix.samples import KALSHI_FRAMES, LOGON, NEW_ORDER, REFUSAL

BODY = b"35=0\x0134=7\x0149=A\x0152=20261009-14:30:00.000\x0156=B\x01"
HEARTBEAT = seal(b"FIX.4.4", BODY)
CUT = HEARTBEAT.partition(b"B\x01")[0]


def found_in(data: bytes, piece: int = 1 << 16, max_size: int = 1 << 20) -> list[Found]:
    extractor = Extractor(max_size)
    found = [one for at in range(0, len(data), piece) for one in extractor.feed(data[at : at + piece])]
    return found + extractor.finish()


def frames(data: bytes) -> list[bytes]:
    return [one.frame for one in found_in(data)]


@pytest.mark.parametrize(
    "separator",
    ["\x01", "|", "^A", "\\x01", "\\\\x01", "\\u0001", "<SOH>", "\u2401", "^", ";", " | ", "~", " ", "\t"],
)
def test_the_separator_is_guessed(separator: str) -> None:
    written = NEW_ORDER.replace(b"\x01", separator.encode())
    assert found_in(b"12:00 " + written + b"\n") == [Found(NEW_ORDER, b"12:00 ")]


def test_each_message_may_have_a_separator_of_its_own() -> None:
    text = NEW_ORDER.replace(b"\x01", b"|") + b"\n" + NEW_ORDER + b"\n" + NEW_ORDER.replace(b"\x01", b"^A")
    assert frames(text) == [NEW_ORDER] * 3


def test_a_stream_needs_no_line_feeds() -> None:
    assert frames(b"".join(KALSHI_FRAMES[1:])) == list(KALSHI_FRAMES[1:])


@given(st.integers(1, 400))
def test_the_pieces_do_not_matter(piece: int) -> None:
    text = b"noise 108=FIX\n" + b"\n".join(b"t %d in: " % at + one for at, one in enumerate(KALSHI_FRAMES))
    assert found_in(text, piece) == found_in(text)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_taken_in_any_pieces(data: bytes, piece: int) -> None:
    found = found_in(data + b"\n" + HEARTBEAT + data, piece)
    assert HEARTBEAT in [one.frame for one in found]


@given(st.text("8=FIXT.1|9035\x01\n^A", max_size=200), st.integers(1, 9))
def test_what_looks_like_a_message_ends_nothing(text: str, piece: int) -> None:
    found_in(text.encode(), piece)


def test_what_stands_before_a_message_on_its_line_is_its_prefix() -> None:
    text = b"x\n" + b"p" * 300 + HEARTBEAT + b" and " + HEARTBEAT + b" rest\n" + HEARTBEAT
    assert [one.prefix for one in found_in(text)] == [b"p" * PREFIX_SIZE, b" and ", b""]


def test_a_tag_that_ends_in_8_begins_no_message() -> None:
    assert found_in(b"58=FIX.4.4|9=5|35=0|10=000|") == []


def test_a_checksum_without_a_separator_behind_it_ends_a_message() -> None:
    assert found_in(HEARTBEAT[:-1].replace(b"\x01", b"|") + b"\r\n") == [Found(HEARTBEAT)]


def test_the_signs_of_the_separator_may_stand_in_a_value() -> None:
    frame = seal(b"FIX.4.4", b"35=0\x0158=a|b and c\x01")
    assert frames(frame.replace(b"\x01", b"|")) == [frame]


def test_data_with_line_feed_trailer_and_start_is_read_by_length() -> None:
    frame = seal(b"FIX.4.4", BODY + b"354=25\x01355=a\n8=FIX.4.4\x019=1\x0110=111\x01\n\x01")
    for piece in (1, 7, 1000):
        assert [one.frame for one in found_in(frame + HEARTBEAT, piece)] == [frame, HEARTBEAT]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (HEARTBEAT.replace(b"9=45", b"9=44"), ("BodyLength(9) is 44, counted 45",)),
        (HEARTBEAT.replace(b"9=45", b"9=999"), ("BodyLength(9) is 999, counted 45",)),
        (HEARTBEAT.replace(b"34=7", b"34=8"), ()),
        (
            HEARTBEAT.replace(b"9=45\x01", b""),
            ("BodyLength(9) and MsgType(35) do not follow BeginString(8)",),
        ),
        (CUT, ("cut: CheckSum(10) is missing",)),
        (CUT + b"\r\n", ("cut: CheckSum(10) is missing",)),
        (CUT.replace(b"\x01", b"|") + b"\n", ("cut: CheckSum(10) is missing",)),
    ],
)
def test_faults_are_named(text: bytes, faults: tuple[str, ...]) -> None:
    (first, second) = found_in(text + HEARTBEAT)
    assert first.faults[: len(faults)] == faults
    assert not first.garbled
    assert second.frame == HEARTBEAT


def test_a_wrong_checksum_is_named() -> None:
    text = HEARTBEAT.replace(b"34=7", b"34=8")
    (one,) = found_in(text)
    was = int(HEARTBEAT[-4:-1])
    assert one.faults == (f"CheckSum(10) is {was:03d}, computed {was + 1:03d}",)


def test_a_length_that_is_too_long_costs_no_later_message() -> None:
    spoilt = HEARTBEAT.replace(b"9=45", b"9=900")
    assert [one.frame for one in found_in(spoilt + b"\n" + HEARTBEAT, 5)] == [spoilt, HEARTBEAT]


def test_what_has_no_fields_is_garbled() -> None:
    (first, second) = found_in(b"why 8=FIX is so\r\n" + HEARTBEAT)
    assert first == Found(b"8=FIX is so", b"why ", ("no field follows BeginString(8)",), garbled=True)
    assert second.frame == HEARTBEAT


def test_a_start_at_the_very_end_is_given_at_the_end() -> None:
    extractor = Extractor()
    assert extractor.feed(b"8=FIX.4.4") == []
    assert [one.frame for one in extractor.finish()] == [b"8=FIX.4.4"]


def test_a_message_without_end_is_given_up() -> None:
    extractor = Extractor(max_size=1000)
    found = extractor.feed(b"8=FIX.4.4|9=5|35=0|58=")
    for _ in range(100):
        found += extractor.feed(b"x" * 100)
        assert len(extractor._held) < 1400
    found += extractor.feed(b"\n" + HEARTBEAT) + extractor.finish()
    assert [one.faults for one in found] == [("cut: CheckSum(10) is missing",), ()]
    assert found[1].frame == HEARTBEAT


@pytest.mark.parametrize(
    "text",
    [
        b"8=FIX.4.4|9=5|35=A|554=hunter2|96=hunter2|10=000|",
        b"8=FIX.4.4\x019=5\x0135=A\x01554=hunter2\x0110=000\x01",
        b"8=FIX.4.4^A9=5^A35=A^A554=hunter2^A10=000^A",
        b"8=FIX.4.4 9=5|35=A|554=hunter2|10=000|",
        b"8=FIX.4.4#-#-#-#9=5#35=A#554=hunter2#10=000#",
        b"8=FIXX 554=hunter2\n",
        b"35=A, 554=hunter2, 8=FIX.4.4|35=0|\n",
    ],
)
def test_no_secret_comes_out(text: bytes) -> None:
    found = found_in(text)
    assert found
    assert b"hunter2" not in repr(found).encode()


@pytest.mark.parametrize("piece", [1, 100, 5000])
@pytest.mark.parametrize("distance", [PREFIX_SIZE + more for more in (-9, -4, -3, 0, 1, 2, 5, 6, 7, 200)])
def test_a_prefix_that_begins_within_a_secret_shows_nothing_of_it(distance: int, piece: int) -> None:
    text = b"noise " * 100 + b"554=hunter2hunter2"
    text += b"." * (distance - len(b"554=hunter2hunter2")) + HEARTBEAT
    (found,) = found_in(text, piece)
    assert b"hunter2" not in found.prefix
    assert b"er2" not in found.prefix
    assert len(found.prefix) <= PREFIX_SIZE


@pytest.mark.parametrize("piece", range(40, 75))
def test_what_follows_garbage_without_end_is_whole_and_the_rest_of_that_no_prefix(piece: int) -> None:
    text = b"8=FIXT.1.1k" + b"." * 40 + b"|554=hunter2|" + HEARTBEAT
    garbage, message = found_in(text, piece)
    assert garbage.garbled
    assert message.frame == HEARTBEAT
    assert b"hunter2" not in garbage.frame + message.prefix


def test_a_frame_that_was_masked_before_keeps_no_fault() -> None:
    masked = examine(LOGON).frame
    assert b"96=***" in masked
    assert examine(masked).faults == ()
    assert examine(masked).frame == masked


def test_a_refusal_is_whole() -> None:
    assert examine(REFUSAL) == Found(REFUSAL)

"""``fixgw decode``: tapes, logs and raw text, whole, growing, damaged or huge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixgw.fix.framing import seal
from fixgw.fix.redact import mask
from fixgw.records import Flag, Kind, Record
from fixgw.store.tape import Tape, TapeSettings
from tests.cli.conftest import FIXGW, fixgw, lines
from tests.fix.samples import KALSHI_FRAMES, LOGON, NEW_ORDER

NOON = 1_795_348_800_000_000_000  # 2026-11-22T12:00:00Z
SEGMENT_BYTES = 10_000
XML = """\
<fix type='FIX' major='4' minor='4'>
 <header/><trailer/><components/>
 <messages>
  <message name='DeskNews' msgtype='UN' msgcat='app'><field name='Mood' required='N'/></message>
 </messages>
 <fields><field number='9001' name='Mood' type='CHAR'><value enum='1' description='CALM'/></field></fields>
</fix>
"""


def heartbeat(number: int, sender: str = "DESK", day: int = 20) -> bytes:
    time = f"202611{day}-12:00:00.000"
    return seal(b"FIXT.1.1", f"35=0|34={number}|49={sender}|52={time}|56=V|".replace("|", "\x01").encode())


def record(payload: bytes, flags: Flag = Flag.NONE, kind: Kind = Kind.FRAME, at: int = 0) -> Record:
    return Record(kind, flags, 1, 0, 1, 1, NOON + at, payload)


@contextmanager
def tape(path: Path, segment_bytes: int = 64 << 20) -> Iterator[Tape]:
    made = Tape(path, TapeSettings(segment_bytes=segment_bytes))
    made.load()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.log"
    rows = [
        b"12:00:0%d INFO in  " % at + frame.replace(b"\x01", b"|") for at, frame in enumerate(KALSHI_FRAMES)
    ]
    path.write_bytes(b"starting up\n" + b"\n".join(rows) + b"\nstopped\n")
    return path


def names(*arguments: str | Path, **options: object) -> list[str]:
    result = fixgw("decode", "-f", "{message}", *arguments, **options)
    assert result.exit_code == 0, result.stderr
    return result.stdout.split()


def test_a_log_is_shown_a_line_a_message(log: Path) -> None:
    result = fixgw("decode", log)
    assert (result.exit_code, result.stderr) == (0, "")
    rows = result.stdout.splitlines()
    assert len(rows) == len(KALSHI_FRAMES)
    assert rows[3] == (
        "20261009-14:30:01.000 00000000-0000-4000-8000-000000000001>KalshiNR 2 NewOrderSingle "
        "ClOrdID=550e8400-e29b-41d4-a716-446655440000 Side=BUY OrderQty=10 Symbol=HIGHNY-26DEC31 "
        "OrdType=LIMIT Price=0.7500 TimeInForce=GOOD_TILL_CANCEL"
    )


def test_standard_input_is_read_without_a_file() -> None:
    assert names(input=b"".join(KALSHI_FRAMES[:2])) == names("-", input=b"".join(KALSHI_FRAMES[:2]))


def test_verbose_shows_groups_with_words(log: Path) -> None:
    rows = fixgw("decode", "-v", "--type", "8", log).stdout.splitlines()
    begin = next(at for at, row in enumerate(rows) if "NoMiscFees" in row)
    assert [row.split() for row in rows[begin : begin + 4]] == [
        ["136", "NoMiscFees", "1"],
        ["[1]"],
        ["137", "MiscFeeAmt", "0.05"],
        ["138", "MiscFeeCurr", "USD"],
    ]
    assert ["54", "Side", "1", "BUY"] in [row.split() for row in rows]


def test_json_is_an_object_a_line(log: Path) -> None:
    made = [json.loads(row) for row in fixgw("decode", "--json", log).stdout.splitlines()]
    assert len(made) == len(KALSHI_FRAMES)
    assert made[5]["NoMiscFees"][0]["MiscFeeAmt"] == "0.05"
    assert made[5]["prefix"] == "12:00:05 INFO in"
    assert made[5]["message"] == "ExecutionReport"


def test_a_template_is_followed(log: Path) -> None:
    result = fixgw("decode", "-f", "{MsgSeqNum} {35} {54:word}", "--type", "NewOrderSingle", log)
    assert result.stdout == "2 D BUY\n"


@pytest.mark.parametrize("form", [(), ("-v",), ("--json",), ("-f", "{96} {prefix}")])
def test_no_secret_is_shown(form: Sequence[str]) -> None:
    text = (
        b"note 554=hunter2 then "
        + LOGON
        + b"8=FIX.4.4^A9=5^A35=A^A554=hunter2^A96=hunter2^A10=000^A\n8=FIX?554=hunter2"
    )
    shown = fixgw("decode", *form, input=text)
    assert shown.exit_code == 0
    assert "VNUnxjlS" not in shown.output
    assert "hunter2" not in shown.output


def test_filters(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "days"
    path.write_bytes(b"".join(heartbeat(day, "ABC"[day % 3], day) for day in range(10, 20)))
    assert names("--type", "A", "--type", "Logout", log) == ["Logon", "Logon", "Logout"]
    shown = {
        arguments: fixgw("decode", "-f", "{34}", *arguments, path).stdout.split()
        for arguments in [
            ("--since", "2026-11-18"),
            ("--until", "20261111"),
            ("--since", "2026-11-12T13:00", "--until", "2026-11-13T12:00:00.000Z"),
            ("--session", "C"),
            ("--session", "none"),
        ]
    }
    assert list(shown.values()) == [["18", "19"], ["10", "11"], ["13"], ["11", "14", "17"], []]


def test_a_dictionary_adds_names_and_words(tmp_path: Path) -> None:
    path = tmp_path / "FIX44.xml"
    path.write_text(XML)
    text = seal(b"FIX.4.4", b"35=UN\x0149=A\x0156=B\x0134=1\x019001=1\x01")
    assert fixgw("decode", "--dictionary", path, input=text).stdout == "A>B 1 DeskNews Mood=CALM\n"
    assert fixgw("decode", input=text).stdout == "A>B 1 UN 9001=1\n"


def test_a_tape_is_shown_with_its_own_times_and_directions(tmp_path: Path) -> None:
    with tape(tmp_path / "orders") as made:
        made.commit(
            [
                record(b"10.0.0.1", kind=Kind.CONNECT),
                record(mask(LOGON), Flag.OUTBOUND | Flag.REDACTED),
                record(NEW_ORDER, Flag.OUTBOUND, at=1000),
                record(b"8=FIXT.1.1\x019=x\x07", Flag.GARBLED, at=2000),
                record(NEW_ORDER, Flag.RECONCILED, at=3000),
            ]
        )
        shown = [fixgw("decode", path).stdout for path in (made.path, made.path / "00000001.tape")]
    assert shown[0] == shown[1]
    rows = shown[0].splitlines()
    assert [row[:28] for row in rows] == [
        f"20261122-12:00:00.00000{at} {way}" for at, way in enumerate(("out", "out", "in ", "rec"))
    ]
    assert "!" not in rows[0] + rows[1]
    assert rows[2].endswith("garbled: 8=FIXT.1.1|9=x\\x07  ! it was no whole FIX message when it came")


def test_garbled_text_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(
        b"8=FIX\x1b[2J\xff\n" + os.urandom(200_000) + b"\n" + NEW_ORDER + b"8=FIXT.1.1|9=" + b"\n"
    )
    rows = fixgw("decode", path).stdout.splitlines()
    assert "garbled: 8=FIX\\x1b[2J\\xff" in rows[0]
    assert sum("NewOrderSingle" in row for row in rows) == 1
    assert max(map(len, rows)) < 500


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("-v", "--json"), 2, "--verbose, --json and --format exclude each other"),
        (("-f", "{Nonsense}"), 2, "no field is named 'Nonsense'"),
        (("-f", "{35"), 2, "the template can not be read: expected '}' before end of string"),
        (("--since", "yesterday"), 2, "'yesterday' is no time"),
        (("--venue", "nowhere"), 2, "venue 'nowhere' is not known"),
        (("--dictionary", "none.xml"), 2, "the dictionary can not be read: No such file or directory"),
        (("none.log",), 2, "it can not be read: No such file or directory"),
        (("none.tape",), 2, "it can not be read: No such file or directory"),
        (("/",), 2, "/: no tape can be read here: no segment"),
        (("--since", "2026-13-45"), 2, "'2026-13-45' is no time"),
        (("-f", "{54:wrd}"), 2, "a field is shown as it is or as its word, not as 'wrd'"),
        ((), 1, "no FIX message was found"),
    ],
)
def test_what_can_not_work_is_told(arguments: Sequence[str], code: int, what: str) -> None:
    result = fixgw("decode", *arguments, input=b"nothing here")
    assert result.exit_code == code
    said = lines(result)
    assert said[0].startswith(what)
    assert len(" ".join(said)) > len(what)  # where, or what to do


def test_filters_that_nothing_passes_are_told(log: Path) -> None:
    result = fixgw("decode", "--type", "NewOrderSngle", log)
    assert (result.exit_code, result.stdout) == (1, "")
    assert lines(result)[0].startswith("none of the ")


class Followed:
    """A ``fixgw decode --follow`` of a path."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*FIXGW, "decode", "--follow", "-f", "{34}", *arguments, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def numbers(self, count: int) -> list[int]:
        assert self.process.stdout is not None
        return [int(self.process.stdout.readline()) for _ in range(count)]

    def interrupted(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture
def follow() -> Iterator[Callable[..., Followed]]:
    running: list[Followed] = []

    def start(path: Path, *arguments: str) -> Followed:
        running.append(Followed(path, *arguments))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.communicate()


def test_a_growing_log_is_followed_over_rotations(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    path = tmp_path / "log"
    path.write_bytes(heartbeat(1) + b"\n" + heartbeat(2)[:30])
    followed = follow(path)
    assert followed.numbers(1) == [1]
    with path.open("ab") as file:
        file.write(heartbeat(2)[30:] + b"\n")
    assert followed.numbers(1) == [2]
    path.rename(tmp_path / "log.1")
    path.write_bytes(heartbeat(3) + b"\n" + heartbeat(4) + b"\n")
    assert followed.numbers(2) == [3, 4]
    path.write_bytes(heartbeat(5) + b"\n")  # cut and begun anew
    assert followed.numbers(1) == [5]
    assert followed.interrupted() == (0, "", "")


def test_a_growing_tape_is_followed(tmp_path: Path, follow: Callable[..., Followed]) -> None:
    with tape(tmp_path / "orders") as made:
        made.commit([record(heartbeat(1))])
        followed = follow(made.path)
        assert followed.numbers(1) == [1]
        made.commit([record(heartbeat(number)) for number in (2, 3)])
        assert followed.numbers(2) == [2, 3]
        assert followed.interrupted() == (0, "", "")


def test_a_growing_tape_is_followed_over_its_segments(
    tmp_path: Path, follow: Callable[..., Followed]
) -> None:
    count = 2 * SEGMENT_BYTES // len(heartbeat(1))
    with tape(tmp_path / "orders", SEGMENT_BYTES) as made:
        made.commit([record(heartbeat(1))])
        followed = follow(made.path)
        assert followed.numbers(1) == [1]
        for number in range(2, count + 1):
            made.commit([record(heartbeat(number))])
        assert len(list(made.path.glob("*.tape"))) > 1
        assert followed.numbers(count - 1) == list(range(2, count + 1))


def test_a_broken_pipe_is_quiet(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(heartbeat(1) * 20_000)
    with subprocess.Popen(
        [*FIXGW, "decode", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert "Heartbeat" in running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(20) == 0

"""The log set-up and its redaction."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from fixgw.observe.logs import HIDDEN, LogFormat, redact, setup

SECRET = "hunter2-hunter2"
LOGON = f"8=FIXT.1.1\x019=1\x0135=A\x0195={len(SECRET)}\x0196={SECRET}\x01554={SECRET}\x0110=000\x01"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _logged(log_format: LogFormat = "json", stream: io.StringIO | None = None, **extra: Any) -> io.StringIO:
    stream = stream or io.StringIO()
    setup("info", log_format, stream)
    logging.getLogger("fixgw.link").warning("something happened", extra=extra)
    return stream


def test_standard_records_become_json_with_their_extras() -> None:
    (line,) = _lines(_logged(session="trading", delay_seconds=1.5, reset=True, why=None))
    stamp = line.pop("timestamp")
    assert stamp.endswith("Z")
    assert line == {
        "event": "something happened",
        "level": "warning",
        "logger": "fixgw.link",
        "session": "trading",
        "delay_seconds": 1.5,
        "reset": True,
        "why": None,
    }


def test_structlog_goes_the_same_way() -> None:
    stream = io.StringIO()
    setup("info", "json", stream)
    log = structlog.get_logger("fixgw.cli").bind(session="trading")
    log.info("started", sessions=2)
    log.debug("hidden by the level")
    (line,) = _lines(stream)
    assert (line["event"], line["session"], line["sessions"], line["logger"]) == (
        "started",
        "trading",
        2,
        "fixgw.cli",
    )


def test_the_level_is_obeyed_and_setup_replaces_itself() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup("debug", "json", first)
    setup("error", "json", second)
    logging.getLogger("fixgw").warning("quiet")
    logging.getLogger("fixgw").error("loud")
    assert first.getvalue() == ""
    assert [line["event"] for line in _lines(second)] == ["loud"]


@pytest.mark.parametrize(
    ("log_format", "terminal", "is_json", "colour"),
    [
        ("auto", False, True, False),
        ("auto", True, False, True),
        ("console", False, False, False),
        ("json", True, True, False),
    ],
)
def test_the_format_follows_the_terminal(
    log_format: LogFormat, terminal: bool, is_json: bool, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = _logged(log_format, Terminal() if terminal else io.StringIO()).getvalue()
    assert text.startswith("{") is is_json
    assert ("\x1b[" in text) is colour


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in _logged("auto", Terminal()).getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "value",
    [
        LOGON,
        LOGON.encode(),
        bytearray(LOGON.encode()),
        LOGON.replace("\x01", "|"),
        PEM,
        f"prefix {PEM}",
        PEM.removesuffix("-----END PRIVATE KEY-----"),
        {"frame": LOGON, "inner": [LOGON, {"api_key": SECRET}]},
        (LOGON, PEM),
        ValueError(LOGON),
    ],
)
def test_no_secret_leaves_by_a_value(log_format: LogFormat, value: object) -> None:
    text = _logged(log_format, detail=value).getvalue()
    assert SECRET not in text
    assert "something happened" in text


@pytest.mark.parametrize(
    "name",
    ["key", "api_key", "private_key", "password", "Passphrase", "pem", "token", "raw_data", "signature"],
)
def test_no_secret_leaves_under_its_name(name: str) -> None:
    assert redact(None, "info", {name: SECRET, "event": "x"}) == {name: HIDDEN, "event": "x"}


def test_what_is_no_secret_stays() -> None:
    event = {"event": "a|b", "key_id": "abc", "keyboard": "qwerty", "seconds": 0.5, "keys": 3, "token": 7}
    assert redact(None, "info", dict(event)) == event


def test_a_secret_in_the_message_itself_is_masked() -> None:
    stream = io.StringIO()
    setup("info", "json", stream)
    logging.getLogger("fixgw").info("sent %s", LOGON)
    assert SECRET not in stream.getvalue()
    assert "|35=A|" in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_quotes_no_secret(log_format: LogFormat) -> None:
    stream = io.StringIO()
    setup("info", log_format, stream)
    try:
        raise ValueError(f"bad frame {LOGON}")
    except ValueError:
        logging.getLogger("fixgw").exception("handler raised")
    assert SECRET not in stream.getvalue()
    assert "Traceback" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_bytes_that_are_no_text_are_escaped() -> None:
    (line,) = _lines(_logged(excerpt=b"\xff\x00\x01554=x\x01"))
    assert line["excerpt"] == "\\xff\\x00|554=*|"

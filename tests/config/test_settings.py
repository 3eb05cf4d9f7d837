"""From YAML to settings: defaults, references, and how faults are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixgw.config.load import parse
from fixgw.config.model import SessionSection, Settings
from fixgw.config.problems import InvalidConfigError, Problem
from fixgw.config.settings import load_settings, settle
from fixgw.config.values import Secret
from fixgw.errors import ConfigError
from fixgw.store.base import Sync

PEM = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"
ENV = {"KEY": PEM, "KEY_ID": "id-1", "KALSHI_API_KEY_ID": "id-env", "KALSHI_PY_PRIVATE_KEY_PEM": PEM}
MINIMAL = "sessions:\n  - name: a\n    venue: kalshi\n    kind: orders-rt\n"


def _settings(text: str, base: Path = Path("/etc/fixgw")) -> Settings:
    return settle(parse(text, "sessions.yaml", base), ENV).settings


def _session(lines: str, base: Path = Path("/etc/fixgw")) -> SessionSection:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    return _settings(MINIMAL + body, base).sessions[0]


def _faults(text: str) -> list[Problem]:
    with pytest.raises(InvalidConfigError) as caught:
        _settings(text)
    return list(caught.value.problems)


def _fault(lines: str) -> Problem:
    (fault,) = _faults(MINIMAL + "".join(f"    {line}\n" for line in lines.splitlines()))
    return fault


# -- what is accepted --


def test_a_minimal_session_takes_every_default() -> None:
    session = _session("")
    assert (session.required, session.heartbeat, session.cancel_on_disconnect) == (True, None, None)
    assert (session.store.kind, session.store.sync) == ("tape", Sync.BATCH)
    assert session.connect.tls is not None
    assert session.reconnect.cap_seconds == 60


def test_credentials_come_from_the_environment_when_nothing_is_said() -> None:
    session = _session("")
    assert session.sender == "id-env"
    assert session.key is not None
    assert session.key.origin == "env KALSHI_PY_PRIVATE_KEY_PEM"
    assert session.key.reveal() == PEM


def test_margin_is_traded_with_the_same_credentials() -> None:
    text = MINIMAL.replace("venue: kalshi", "venue: kalshi-margin")
    assert _settings(text).sessions[0].sender == "id-env"


def test_a_key_file_keeps_the_environment_key_out() -> None:
    session = _session("key_file: kalshi.pem\nsender: ${env:KEY_ID}")
    assert (session.key, session.key_file) == (None, Path("/etc/fixgw/kalshi.pem"))
    assert session.sender == "id-1"


def test_another_venue_is_not_given_kalshis_credentials() -> None:
    session = _settings("sessions: [{name: a, venue: generic, kind: any}]").sessions[0]
    assert (session.sender, session.key) == (None, None)


def test_a_pem_squeezed_into_one_line_is_unfolded() -> None:
    text = PEM.replace("\n", "\\n")
    session = settle(
        parse(MINIMAL + "    key: ${env:K}\n", "s.yaml", Path()), {**ENV, "K": text}
    ).settings.sessions[0]
    assert session.key is not None
    assert session.key.reveal() == PEM


@pytest.mark.parametrize("written", ["off", "false", "'off'"])
def test_tls_off_is_plain_tcp(written: str) -> None:
    assert _session(f"connect: {{host: 127.0.0.1, tls: {written}}}").connect.tls is None


@pytest.mark.parametrize("written", ["on", "true", "'on'", "{}", "~"])
def test_tls_is_on_otherwise(written: str) -> None:
    assert _session(f"connect: {{tls: {written}}}").connect.tls is not None


def test_one_pin_needs_no_list() -> None:
    tls = _session("connect: {tls: {pins: sha256/x, ca_file: ~/ca.pem}}").connect.tls
    assert tls is not None
    assert tls.pins == ("sha256/x",)
    assert tls.ca_file == Path("~/ca.pem").expanduser()


def test_one_window_needs_no_list() -> None:
    schedule = _session("schedule: {time_zone: Europe/London, windows: mon-fri 08:00-17:00}").schedule
    assert schedule is not None
    assert len(schedule.hours.windows) == 5
    assert (schedule.hours.time_zone.key, schedule.reset, schedule.drain) == ("Europe/London", False, 5.0)


def test_a_schedule_in_defaults_can_be_left_out_of_one_session() -> None:
    text = DEFAULTS.replace(
        "  reconnect:", "  schedule: { time_zone: UTC, windows: daily 08:00-17:00 }\n  reconnect:"
    )
    text = text.replace("    environment: production\n", "    environment: production\n    schedule: ~\n")
    assert [session.schedule is None for session in _settings(text).sessions] == [False, True, False]


def test_logon_fields_are_texts_and_their_secrets_hidden() -> None:
    fields = _session("logon_fields: {20127: Y, 1400: 0, 554: '${env:KEY}'}").logon_fields
    assert (fields[20127], fields[1400]) == ("Y", "0")
    secret = fields[554]
    assert isinstance(secret, Secret)
    assert secret.reveal() == PEM


def test_a_secret_shows_nowhere() -> None:
    settings = _settings(MINIMAL + "    logon_fields: {554: '${env:KEY}'}\n")
    for shown in (repr(settings), str(settings), repr(settings.model_dump())):
        assert "hunter2" not in shown
        assert "env KEY" in shown


# -- defaults --

DEFAULTS = """\
defaults:
  venue: kalshi
  environment: demo
  store: { path: var/tape, sync: always }
  tls: { ca_file: ca.pem, pins: [sha256/x] }
  reconnect: { cap_seconds: 5 }
  options: { use_dollars: true }
sessions:
  - name: a
    kind: orders-rt
  - name: b
    kind: orders-nr
    environment: production
    store: { sync: os }
    connect: { port: 9, tls: { pins: [] } }
    options: { use_cap_reservation: true }
  - name: c
    kind: orders-nr
    connect: { tls: off }
"""


def test_defaults_lie_under_every_session() -> None:
    a, b, c = _settings(DEFAULTS).sessions
    assert (a.environment, b.environment, c.environment) == ("demo", "production", "demo")
    assert (a.store.sync, b.store.sync) == (Sync.ALWAYS, Sync.OS)
    assert a.store.path == b.store.path == Path("/etc/fixgw/var/tape")
    assert a.connect.tls is not None
    assert b.connect.tls is not None
    assert (a.connect.tls.pins, b.connect.tls.pins) == (("sha256/x",), ())
    assert b.connect.tls.ca_file == Path("/etc/fixgw/ca.pem")
    assert c.connect.tls is None
    assert b.reconnect.cap_seconds == 5
    assert b.options == {"use_dollars": True, "use_cap_reservation": True}


def test_a_fault_in_defaults_is_told_once_and_where_it_stands() -> None:
    faults = _faults(DEFAULTS.replace("pins: [sha256/x]", "pin: sha256/x"))
    assert faults == [
        Problem("unknown setting 'pin'", "sessions.yaml:5 defaults.tls.pin", "did you mean 'pins'?")
    ]


def test_lists_in_defaults_are_not_shared() -> None:
    text = DEFAULTS.replace("pins: [sha256/x]", "pins: ['${env:KEY_ID}']")
    a = _settings(text).sessions[0]
    assert a.connect.tls is not None
    assert a.connect.tls.pins == ("id-1",)


def test_tls_under_connect_in_defaults_stays_when_both_are_said() -> None:
    text = DEFAULTS.replace("  reconnect:", "  connect: { tls: { server_name: x } }\n  reconnect:")
    (fault,) = _faults(text)
    assert (fault.what, fault.where) == ("unknown setting 'tls'", "sessions.yaml:5 defaults.tls")


# -- faults --


@pytest.mark.parametrize(
    ("lines", "what", "where", "remedy"),
    [
        (
            "heartbeet: 30",
            "unknown setting 'heartbeet'",
            "5 sessions[0].heartbeet",
            "did you mean 'heartbeat'?",
        ),
        (
            "xyz: 1",
            "unknown setting 'xyz'",
            "5 sessions[0].xyz",
            "use one of: accepted_appl_ver_ids, account, allow_readable_key",
        ),
        (
            "connect:\n  prot: 1",
            "unknown setting 'prot'",
            "6 sessions[0].connect.prot",
            "did you mean 'port'?",
        ),
        (
            "heartbeat: soon",
            "'heartbeat' can not be used: input should be a valid integer",
            "5 sess",
            "HeartBtInt",
        ),
        ("connect: {port: 0}", "'port' can not be used", "5 sessions[0].connect.port", "1 to 65535"),
        ("connect: here", "'connect' can not be used", "5 sessions[0].connect", "where the counterparty"),
        (
            "handlers: {orders: Fills}",
            "'orders' can not be used",
            "5 sessions[0].handlers.orders",
            "desk.handlers",
        ),
        ("on_gap: maybe", "'on_gap' can not be used", "5 sessions[0].on_gap", "continue or reconnect"),
        (
            "key: |\n  " + PEM.replace("\n", "\n  "),
            "the secret stands in the file in clear",
            "5 s",
            "${file:/path}",
        ),
        (
            "key: ${env:NONE:-abc}",
            "the secret stands in the file in clear",
            "5 sessions[0].key",
            "treat it as leaked",
        ),
        (
            "logon_fields: {554: x}",
            "the secret in 554 stands in the file in clear",
            "5 sessions[0].logon",
            "${env",
        ),
        (
            "logon_fields: {1: yes}",
            "the value of 1 is a YAML boolean",
            "5 sessions[0].logon_fields",
            '"Y" or "N"',
        ),
        (
            "logon_fields: {a: x}",
            "'a' can not be used: input should be a valid integer",
            "5 sessions[0].logon",
            "tag",
        ),
        ("logon_fields: [1]", "'logon_fields' can not be used", "5 sessions[0].logon_fields", "tag: value"),
        ("maintenance: closed", "'maintenance' can not be used", "5 sessions[0].maintenance", "expect drops"),
        (
            "sender: ${env:NONE}",
            "the environment variable NONE is not set",
            "5 sessions[0].sender",
            "export NONE",
        ),
        (
            "schedule: {time_zone: UTC, windows: [daily 08:00-17:00, whenever]}",
            "'whenever' can not be read",
            "5 sessions[0].schedule.windows[1]",
            "mon-fri 08:00-17:00",
        ),
        (
            "schedule: {time_zone: Europe/Londn, windows: daily 08:00-17:00}",
            "'Europe/Londn' is no time zone",
            "5 sessions[0].schedule.time_zone",
            "'Europe/London'?",
        ),
        (
            "schedule: {time_zone: UTC, windows: daily 08:00-17:00, reset: sometimes}",
            "'reset' can not be used",
            "5 sessions[0].schedule.reset",
            "start at 1",
        ),
        (
            "schedule: {time_zone: UTC, windows: [daily 12:00-11:00, daily 00:00-13:00]}",
            "the windows overlap all around the week",
            "5 sessions[0].schedule",
            "let two of them touch",
        ),
        ("schedule: {time_zone: UTC, windows: []}", "a schedule without windows", "5 sess", "leave it out"),
        ("schedule: {time_zone: UTC}", "'windows' is missing", "5 sessions[0].schedule.windows", "mon-fri"),
        ("reset_time: 17:05:00", "61500 can not be read", "5 sessions[0].reset_time", "17:05:00 America"),
        ("connect: {hosts: [a]}", "'hosts[0]' can not be used", "5 sessions[0].connect.hosts", "host:port"),
        (
            "connect: {hosts: ['a:1', 'b:70000']}",
            "'b:70000' has no port that exists",
            "5 sessions[0].connect.hosts[1]",
            "1 to 65535",
        ),
        ("password: hunter2", "the secret stands in the file in clear", "5 sessions[0].password", "${env"),
        ("begin_string: FIX.5.0", "'begin_string' can not be used", "5 sessions[0].begin", "BeginString(8)"),
        (
            "time_precision: s",
            "'time_precision' can not be used",
            "5 sessions[0].time_precision",
            "SendingTime",
        ),
        (
            "limits: {resend_chunk: -1}",
            "'resend_chunk' can not be used",
            "5 sessions[0].limits.resend_chunk",
            "at most",
        ),
        ("store: {retention_days: -1}", "'retention_days' can", "5 sessions[0].store.retention", "for ever"),
        ("sender: ''", "'sender' can not be used", "5 sessions[0].sender", "SenderCompID"),
        ('sender: "A\\x01B"', "a control character", "5 sessions[0].sender", "take it out"),
        (
            'logon_fields: {9000: "x\\x01y"}',
            "a control character",
            "5 sessions[0].logon_fields",
            "take it out",
        ),
        (
            "logon_fields: {34: 5}",
            "the session writes 34 itself",
            "5 sessions[0].logon_fields",
            "take it out",
        ),
        ("logon_fields: {108: 5}", "108 has a setting", "5 sessions[0].logon_fields", "say heartbeat"),
        (
            'logon_fields: {"554": hunter2}',
            "the secret in 554 stands in the file in clear",
            "5 sessions[0].logon_fields",
            "${env",
        ),
        ("logon_fields: {0: 5}", "0 is no tag", "5 sessions[0].logon_fields", "positive"),
        ("limits: 7", "'limits' can not be used: a mapping belongs here", "5 sessions[0].limits", "pile up"),
        (
            "connect: {hosts: a:1}",
            "'hosts' can not be used: a list belongs here",
            "5 sessions[0].connect.hosts",
            "in place of",
        ),
        (
            "schedule: mon-fri 08:00-17:00",
            "'schedule' can not be used: a mapping belongs here",
            "5 sessions[0].schedule",
            "hours",
        ),
        (
            "connect: {hosts: [a.example]}",
            "'hosts[0]' can not be used: it has another form",
            "5 sessions[0].connect.hosts[0]",
            "host:port",
        ),
        ("connect: {tls: maybe}", "'tls' can not be used: a mapping", "5 sessions[0].connect.tls", "off, or"),
    ],
)
def test_a_fault_says_what_where_and_what_to_do(lines: str, what: str, where: str, remedy: str) -> None:
    fault = _fault(lines)
    assert fault.what.startswith(what)
    assert fault.where.startswith(f"sessions.yaml:{where}")
    assert remedy in fault.remedy
    assert "hunter2" not in str(fault)


@pytest.mark.parametrize("connect", ["", "here", "[1]"])
def test_defaults_of_another_form_are_a_fault_too(connect: str) -> None:
    faults = _faults(f"defaults:\n  tls: off\n  connect: {connect}\n" + MINIMAL)
    assert "sessions.yaml:3 defaults.connect" in [fault.where for fault in faults]


def test_what_is_missing_is_placed_where_it_would_stand() -> None:
    faults = _faults("sessions:\n  - venue: kalshi\n")
    assert [(fault.what, fault.where) for fault in faults] == [
        ("'name' is missing", "sessions.yaml:2 sessions[0].name"),
        ("'kind' is missing", "sessions.yaml:2 sessions[0].kind"),
    ]


def test_all_faults_are_told_at_once() -> None:
    text = MINIMAL + "    heartbeat: 0\nmetrics: {listen: here}\nlogs: {level: loud}\nadmin: {}\n"
    assert [fault.where.split()[1] for fault in _faults(text)] == [
        "sessions[0].heartbeat",
        "metrics.listen",
        "admin.socket",
        "logs.level",
    ]


@pytest.mark.parametrize(
    "text", ["sessions: []", "sessions: [1]", "sessions: 1", "metrics: ~", "defaults: 1\nsessions: []"]
)
def test_a_file_without_a_session_is_refused(text: str) -> None:
    assert any(fault.where.endswith(("sessions", "sessions[0]")) for fault in _faults(text))


@pytest.mark.parametrize("text", ["", "- 1", "text"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="holds no mapping") as caught:
        _settings(text)
    assert "sessions:" in caught.value.remedy


def test_a_file_is_loaded_with_the_process_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIXGW_TEST_SENDER", "me")
    path = tmp_path / "s.yaml"
    path.write_text(MINIMAL + "    sender: ${env:FIXGW_TEST_SENDER}\n    key_file: k\n")
    loaded = load_settings(path)
    assert loaded.settings.sessions[0].sender == "me"
    assert loaded.settings.sessions[0].key_file == tmp_path / "k"


def test_the_error_prints_three_lines_a_fault() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        _settings(MINIMAL + "    a: 1\n    b: 1\n")
    assert len(str(caught.value).splitlines()) == 6
    assert caught.value.what == "unknown setting 'a'"


def test_the_schema_for_editors_explains_every_setting() -> None:
    schema = Settings.model_json_schema()
    described = [
        (name, field)
        for definition in (schema, *schema["$defs"].values())
        for name, field in definition.get("properties", {}).items()
    ]
    assert len(described) > 50
    assert [name for name, field in described if not field.get("description")] == []


def test_the_schema_for_editors_demands_nothing_that_may_stand_in_defaults() -> None:
    definitions = Settings.model_json_schema()["$defs"]
    demanded = {name: found["required"] for name, found in definitions.items() if "required" in found}
    assert demanded == {
        "MetricsSection": ["listen"],
        "AdminSection": ["socket"],
        "PriceRangeSection": ["start", "end", "step"],
    }


@pytest.mark.parametrize(
    ("section", "name", "types"),
    [
        ("ConnectSection", "tls", {"object", "boolean", "string", "null"}),
        ("ListenSection", "tls", {"object", "off", "null"}),
        ("ScheduleSection", "windows", {"string", "array"}),
        ("TlsSection", "pins", {"string", "array"}),
        ("DictionarySection", "rules", {"object", "string"}),
    ],
)
def test_the_schema_for_editors_allows_every_way_to_write_a_setting(
    section: str, name: str, types: set[str]
) -> None:
    ways = Settings.model_json_schema()["$defs"][section]["properties"][name]["anyOf"]
    assert {"object" if "$ref" in way else way.get("type", "off") for way in ways} == types

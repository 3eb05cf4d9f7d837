"""The settings file as types: what may be written, what it defaults to, and what each setting means."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fixgw.config.hours import ResetTime, TimeZone, WindowText
from fixgw.config.values import (
    ConfigFile,
    HandlerPath,
    HostPort,
    Listen,
    LogonFields,
    Name,
    Pins,
    Port,
    Seconds,
    SecretReference,
    Text,
    fault,
    listed,
)
from fixgw.engine.loop import BUSY_POLL_US
from fixgw.engine.schedule import Schedule
from fixgw.errors import ConfigError
from fixgw.session.state import OnGap, OnMismatch
from fixgw.store.base import Sync
from fixgw.store.tape import TapeSettings


def _tls(value: Any) -> Any:
    """Let ``off``, which YAML reads as false, mean plain TCP."""
    if value is False or value == "off":
        return None
    if value is None or value is True or value == "on":
        return {}
    return value


def _not_empty(sessions: tuple[SessionSection, ...]) -> tuple[SessionSection, ...]:
    if not sessions:
        raise fault("there is no session", "add one to `sessions:`")
    return sessions


class Section(BaseModel):
    """A mapping of the file: no unknown keys, no changes once read, no values in errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


class StoreSection(Section):
    """Where a session's numbers, frames and books survive."""

    kind: Literal["tape", "memory"] = "tape"
    """`tape` (on disk) or `memory` (lost with the process)"""
    path: ConfigFile | None = None
    """directory of the tapes; each session gets a directory of its name in it"""
    sync: Sync = Sync.BATCH
    """`os`: survives the process; `batch`: also a power cut, but for 50 ms; `always`: all of it"""
    segment_bytes: Annotated[int, Field(ge=65_536)] = TapeSettings().segment_bytes
    """a new segment of the tape begins once the present one holds so many bytes"""
    roll_daily: bool = TapeSettings().roll_daily
    """and with the first record of another day (UTC)"""
    compress: bool = TapeSettings().compress
    """compress segments of which nothing can be asked for any more"""
    retention_days: Annotated[int, Field(ge=0)] = TapeSettings().retention_days
    """days that such a segment is kept after its last record; 0 keeps it for ever"""


class TlsSection(Section):
    """What is demanded of the peer's certificate."""

    ca_file: ConfigFile | None = None
    """PEM file of the authorities to trust in place of the system's"""
    server_name: str | None = None
    """the name to ask for and to find in the certificate, if it is not the host"""
    pins: Pins = ()
    """SHA-256 of the certificate or its public key, `sha256/BASE64` or 64 hex digits; one match is enough"""


class ConnectSection(Section):
    """Where the counterparty listens; host and port default to the venue's."""

    host: str | None = None
    """a name or an address"""
    port: Port | None = None
    """1 to 65535"""
    hosts: tuple[HostPort, ...] = ()
    """in place of host and port, several as `host:port`: one that fails or refuses is followed by the next"""
    tls: Annotated[TlsSection | None, BeforeValidator(_tls)] = TlsSection()
    """`off`, or what is demanded of the certificate"""
    allow_plain_remote: bool = False
    """let plain TCP leave this machine"""
    connect_timeout: Seconds = 10.0
    """seconds for name and TCP connection"""


class LimitsSection(Section):
    """What may pile up before a link acts."""

    queue_size: Annotated[int, Field(ge=1)] = 10_000
    """events that may wait for `async def` handlers before reading stops"""
    slow_handler_limit: Seconds = 30.0
    """seconds of stopped reading after which the link closes"""
    outbound_limit: Annotated[int, Field(ge=65_536)] = 64 * 1024 * 1024
    """bytes that may wait for a slow peer before the link closes"""
    max_frame_size: Annotated[int, Field(ge=1_024, le=16 * 1024 * 1024)] = 65_536
    """the longest message accepted, bytes"""
    waiting_messages: Annotated[int, Field(ge=1)] = 1_000
    """messages that wait behind a gap at most"""
    waiting_bytes: Annotated[int, Field(ge=65_536)] = 4 * 1024 * 1024
    """bytes that wait behind a gap at most"""
    resend_chunk: Annotated[int, Field(ge=0)] = 0
    """messages that one ResendRequest of ours asks for at most; 0 asks for all at once"""
    max_resend: Annotated[int, Field(ge=1)] = 10_000
    """a ResendRequest of the peer for more messages raises an alarm"""
    resend_limit: Annotated[int, Field(ge=1)] = 1_000_000
    """a ResendRequest of the peer for more messages stops the session"""
    repeated_resend_limit: Annotated[int, Field(ge=1)] = 5
    """how often the same ResendRequest of the peer is served; one more ends the connection"""
    max_jump: Annotated[int, Field(ge=1)] = 1_000_000
    """how far a MsgSeqNum or NewSeqNo of the peer may lie beyond the expected number"""


class ReconnectSection(Section):
    """How a lost connection is tried again: full jitter, doubling, with a cap."""

    base_seconds: Seconds = 1.0
    """upper bound of the first delay"""
    cap_seconds: Seconds = 60.0
    """upper bound of every delay"""
    reset_seconds: Seconds = 30.0
    """a connection that lasted this long starts the doubling anew"""
    max_refusals: Annotated[int, Field(ge=0)] = 10
    """refused Logons in a row after which the session stops; 0 for no limit"""


class TimingSection(Section):
    """How long the session waits for what."""

    logon_timeout: Seconds = 10.0
    """seconds to the end of the Logon handshake"""
    logout_timeout: Seconds = 2.0
    """seconds to the answer to our Logout"""
    gap_timeout: Seconds = 10.0
    """seconds without progress after which missing messages are asked for again, then given up"""
    test_request_factor: Annotated[float, Field(ge=1, le=10)] = 1.2
    """silence, in heartbeat intervals, after which a TestRequest goes out"""
    dead_factor: Annotated[float, Field(ge=1, le=20)] = 2.4
    """silence, in heartbeat intervals, after which the connection is closed"""
    sending_time_window: Seconds = 120.0
    """how far the peer's SendingTime may be off, seconds"""
    strict_sending_time: bool | None = None
    """end the connection over a SendingTime outside the window; by default an acceptor does"""


class ScheduleSection(Section):
    """The hours in which a session is connected."""

    time_zone: TimeZone
    """an IANA time zone, such as `America/New_York`; the windows are told by its clocks"""
    windows: Annotated[tuple[WindowText, ...], BeforeValidator(listed)]
    """such as `mon-fri 08:00-17:00`, `daily 17:05-17:00` or `sun 18:00 - fri 17:00`"""
    reset: bool = False
    """start at 1 with the first Logon of each window, also when one ended while nothing ran"""
    drain: Seconds = 5.0
    """seconds that answers and handlers are waited for at the end of a window, before the Logout"""

    @property
    def hours(self) -> Schedule:
        """The windows, by the clocks of the time zone."""
        return Schedule([window for windows in self.windows for window in windows], self.time_zone)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        try:
            assert self.hours
        except ConfigError as error:
            raise fault(error.what, error.remedy) from None
        return self


class SessionSection(Section):
    """One FIX session with a venue."""

    name: Name
    """letters, digits, dot, dash and underscore; names the session in logs, metrics and on disk"""
    venue: str
    """an installed venue, such as `kalshi`"""
    kind: str
    """one of the venue's kinds of session, such as `orders-rt`"""
    environment: str | None = None
    """one of the venue's environments, such as `demo` or `production`"""
    sender: Text | None = None
    """SenderCompID(49); at Kalshi the API key's id"""
    target: Text | None = None
    """TargetCompID(56), when it is not the kind's own"""
    key: SecretReference | None = None
    """the private key in PEM form, by reference: `${file:/path}` or `${env:NAME}`"""
    key_file: ConfigFile | None = None
    """path of the private key in PEM form"""
    allow_readable_key: bool = False
    """accept a key file that other users can read"""
    connect: ConnectSection = ConnectSection()
    """where the counterparty listens"""
    store: StoreSection = StoreSection()
    """where numbers and frames survive"""
    required: bool = True
    """start-up waits for its Logon, and a fatal refusal ends the gateway"""
    heartbeat: Annotated[int, Field(ge=1, le=3600)] | None = None
    """HeartBtInt(108) in seconds; the venue's own by default"""
    begin_string: Literal["FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4", "FIXT.1.1"] | None = None
    """BeginString(8), when it is not the venue's own"""
    default_appl_ver_id: Text | None = None
    """DefaultApplVerID(1137) of our Logon, when it is not the venue's own; FIX.4 has none"""
    accepted_appl_ver_ids: tuple[Text, ...] = ()
    """values of DefaultApplVerID(1137) of the peer's Logon that are taken; any by default"""
    username: Text | None = None
    """Username(553) of our Logon"""
    password: SecretReference | None = None
    """Password(554) of our Logon, by reference: `${file:/path}` or `${env:NAME}`"""
    time_precision: Literal["ms", "us", "ns"] | None = None
    """fractions of a second in SendingTime(52); the venue's own by default"""
    reset_on_logon: bool = False
    """start at 1 with each Logon, where the venue does not demand it anyway"""
    reset_on_logout: bool = False
    """start at 1 after a Logout"""
    reset_on_disconnect: bool = False
    """start at 1 after the end of a connection, however it came"""
    reset_time: ResetTime | None = None
    """`HH:MM:SS Area/City`: when the numbers go back to 1 each day, inside the running session"""
    schedule: ScheduleSection | None = None
    """the hours in which it is connected; always by default"""
    next_expected: bool = False
    """send and heed NextExpectedMsgSeqNum(789) in the Logons"""
    last_processed: bool = False
    """send LastMsgSeqNumProcessed(369) in each message"""
    reject_garbled: bool = False
    """refuse with a Reject what is garbled in its fields alone, in place of skipping it"""
    validate_checksum: bool = True
    """compare CheckSum(10) of what is received"""
    on_gap: OnGap | None = None
    """`continue` or `reconnect`, on sessions that can not ask for what is missing"""
    on_mismatch: OnMismatch = OnMismatch.STOP
    """`stop` or `reset` when the two sides disagree on a number"""
    on_error: Literal["continue", "stop"] = "continue"
    """what follows when a handler raises"""
    maintenance: Literal["venue"] = "venue"
    """stay connected over the venue's window and expect drops"""
    cancel_on_disconnect: bool | None = None
    """whether the venue cancels open orders when the connection ends, also on a clean Logout"""
    options: dict[str, bool | int | str] = {}
    """the venue's Logon options by name"""
    logon_fields: LogonFields = {}
    """further Logon fields, tag: value"""
    handlers: dict[str, HandlerPath] = {}
    """the desk's handlers, such as `orders: desk.handlers:Fills`"""
    limits: LimitsSection = LimitsSection()
    """what may pile up"""
    reconnect: ReconnectSection = ReconnectSection()
    """how a lost connection is tried again"""
    timing: TimingSection = TimingSection()
    """how long to wait for what"""


class MetricsSection(Section):
    """The Prometheus endpoint."""

    listen: Listen
    """host:port, such as `127.0.0.1:9464`"""


class AdminSection(Section):
    """The local control socket."""

    socket: ConfigFile
    """path of the unix socket"""


class LogsSection(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """the least that is logged"""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console on a terminal, JSON otherwise"""


class Settings(Section):
    """The whole file."""

    defaults: dict[str, Any] = {}
    """settings that every session takes unless it says otherwise"""
    sessions: Annotated[tuple[SessionSection, ...], AfterValidator(_not_empty)]
    """the sessions, at least one"""
    metrics: MetricsSection | None = None
    """the Prometheus endpoint; none by default"""
    admin: AdminSection | None = None
    """the local control socket; none by default"""
    logs: LogsSection = LogsSection()
    """what is logged, and how"""
    busy_poll_us: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = BUSY_POLL_US
    """microseconds that the process stays awake after traffic, for quicker answers; 0 sleeps at once"""
    venue_overrides: dict[str, dict[str, Any]] = {}
    """changes to a venue's table of facts, by venue name"""


def known_settings(path: tuple[str | int, ...]) -> list[str]:
    """Return the names that may stand in the mapping at ``path``; empty where any may."""
    section: Any = Settings
    for part in path:
        if isinstance(part, str):
            fields = getattr(section, "model_fields", {})
            section = _section_of(fields[part].annotation) if part in fields else None
    return list(getattr(section, "model_fields", {}))


def setting_meaning(path: tuple[str | int, ...]) -> str:
    """Return the sentence that explains the setting at ``path``, or of the nearest one above it."""
    section: Any = Settings
    meaning = ""
    for part in path:
        field = getattr(section, "model_fields", {}).get(part)
        if field is not None:
            meaning = field.description or ""
            section = _section_of(field.annotation)
    return re.sub("`", "", meaning)


def _section_of(annotation: Any) -> type[Section] | None:
    """Return the section type inside ``Section | None`` or ``tuple[Section, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    inner = (_section_of(arg) for arg in getattr(annotation, "__args__", ()))
    return next((section for section in inner if section), None)

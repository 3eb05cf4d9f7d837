"""The parts of a session's settings that stand in mappings of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fixgw.config.hours import TimeZone, WindowText
from fixgw.config.values import ConfigFile, HostPort, Network, Pins, Port, Seconds, Text, fault, listed
from fixgw.engine.schedule import Schedule
from fixgw.errors import ConfigError
from fixgw.safety.kill_steps import STEP_SECONDS
from fixgw.safety.pauses import RECHECK_SECONDS
from fixgw.safety.rate import Policy
from fixgw.store.base import Sync
from fixgw.store.tape import TapeSettings

_Switch = bool | Literal["on", "off"]


def _tls(value: Any) -> Any:
    """Let ``off``, which YAML reads as false, mean plain TCP."""
    if value is False or value == "off":
        return None
    if value is None or value is True or value == "on":
        return {}
    return value


def _off(value: Any) -> Any:
    return None if value is False or value == "off" else value


def _rules(value: Any) -> Any:
    """Let one word stand for all switches."""
    words = {"strict": False, "lenient": True}
    return (
        dict.fromkeys(RulesSection.model_fields, words[value])
        if isinstance(value, str) and value in words
        else value
    )


class Section(BaseModel):
    """A mapping of the file: no unknown keys, no changes once read, no values in errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


def _demand_nothing(schema: dict[str, Any]) -> None:
    schema.pop("required", None)


class Part(Section):
    """A part of a session; what it lacks may stand in `defaults`, so the schema demands nothing."""

    model_config = ConfigDict(json_schema_extra=_demand_nothing)


class StoreSection(Part):
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


class TlsSection(Part):
    """What is demanded of the peer's certificate."""

    ca_file: ConfigFile | None = None
    """PEM file of the authorities to trust in place of the system's"""
    server_name: str | None = None
    """the name to ask for and to find in the certificate, if it is not the host"""
    pins: Pins = ()
    """SHA-256 of the certificate or its public key, `sha256/BASE64` or 64 hex digits; one match is enough"""


class ConnectSection(Part):
    """Where the counterparty listens; host and port default to the venue's."""

    host: str | None = None
    """a name or an address"""
    port: Port | None = None
    """1 to 65535"""
    hosts: tuple[HostPort, ...] = ()
    """in place of host and port, several as `host:port`: one that fails or refuses is followed by the next"""
    tls: Annotated[
        TlsSection | None, BeforeValidator(_tls, json_schema_input_type=TlsSection | _Switch | None)
    ] = TlsSection()
    """`off`, or what is demanded of the certificate"""
    allow_plain_remote: bool = False
    """let plain TCP leave this machine"""
    connect_timeout: Seconds = 10.0
    """seconds for name and TCP connection"""


class LimitsSection(Part):
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


class ReconnectSection(Part):
    """How a lost connection is tried again: full jitter, doubling, with a cap."""

    base_seconds: Seconds = 1.0
    """upper bound of the first delay"""
    cap_seconds: Seconds = 60.0
    """upper bound of every delay"""
    reset_seconds: Seconds = 30.0
    """a connection that lasted this long starts the doubling anew"""
    max_refusals: Annotated[int, Field(ge=0)] = 10
    """refused Logons in a row after which the session stops; 0 for no limit"""


class RateLimitSection(Part):
    """What the session may send, by the venue's own token buckets."""

    tier: Text
    """the account's tier at the venue, such as `premier`"""
    policy: Policy = Policy.WAIT
    """`wait`: submit waits its turn; `refuse`: it does not. What can not wait is refused either way"""
    cancel_reserve: Annotated[int, Field(ge=0)] = 200
    """tokens of each write bucket that only cancels may use"""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """the part of the account's rates that this process may use; REST and other processes draw on the rest"""
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    """seconds by which one message may be slower on its way than the next; that much capacity is not used"""


class PausesSection(Part):
    """What is kept back while the venue is paused."""

    hold: bool = True
    """keep back what the venue has just refused because of a pause; else it is sent and refused again"""
    recheck_seconds: Seconds = RECHECK_SECONDS
    """seconds after such a refusal until one message is let through to see whether the pause is over"""
    window: Literal["ignore", "warn", "hold"] = "warn"
    """in the venue's weekly maintenance window: `warn` once, `hold` orders, or `ignore` it"""


class KillSwitchSection(Section):
    """How the kill switch works."""

    file: ConfigFile | None = None
    """where it is kept over a restart; `kill-switch.json` beside the tapes by default"""
    step_seconds: Seconds = STEP_SECONDS
    """seconds that each step waits for the venue's confirmation"""
    again_seconds: Seconds = 5.0
    """seconds after which the steps are taken again while orders are still open"""
    over_rest: bool = False
    """cancel everything of the account over REST while a session is down; the orders of others too"""


class TimingSection(Part):
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


class ScheduleSection(Part):
    """The hours in which a session is connected."""

    time_zone: TimeZone
    """an IANA time zone, such as `America/New_York`; the windows are told by its clocks"""
    windows: Annotated[
        tuple[WindowText, ...],
        BeforeValidator(listed, json_schema_input_type=WindowText | tuple[WindowText, ...]),
    ]
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


class RulesSection(Part):
    """What is tolerated in a received message."""

    unknown_tags: bool = False
    """tags below 5000 that the dictionaries do not know, or not in this message"""
    unknown_values: bool = False
    """values that are not in the enumeration of their field"""
    field_order: bool = False
    """header, body and trailer fields, and fields of a group's entry, in any order"""
    user_defined_tags: bool = False
    """tags from 5000 that the dictionaries do not know, or not in this message"""
    empty_values: bool = False
    """fields without a value"""


class DictionarySection(Part):
    """Dictionaries in the XML of QuickFIX, against which received messages are checked."""

    transport: ConfigFile | None = None
    """the file of FIXT.1.1: header, trailer and session messages; FIX.4 has none of its own"""
    application: ConfigFile
    """the file of the application messages; up to FIX.4.4 that of the whole version"""
    rules: Annotated[
        RulesSection,
        BeforeValidator(_rules, json_schema_input_type=Literal["strict", "lenient"] | RulesSection),
    ] = RulesSection()
    """`strict`, `lenient`, or what is tolerated one by one"""


class ServerTlsSection(Part):
    """The certificate that we show to peers, and what is demanded of theirs."""

    certificate: ConfigFile
    """PEM file of the chain, leaf first"""
    key_file: ConfigFile
    """PEM file of its private key, not encrypted"""
    client_ca: ConfigFile | None = None
    """PEM file of the authorities whose client certificates are asked for; none are by default"""
    certificate_required: bool = True
    """with `client_ca`: refuse a peer without a certificate"""


class ListenSection(Part):
    """Where peers open their sessions; sessions that share a port say the same here."""

    host: Text = "127.0.0.1"
    """the address to bind"""
    port: Port
    """1 to 65535"""
    tls: Annotated[
        ServerTlsSection | None,
        BeforeValidator(_off, json_schema_input_type=ServerTlsSection | Literal[False, "off"] | None),
    ] = None
    """the certificate to show, or `off`"""
    allow: tuple[Network, ...] = ()
    """networks that may connect, such as `10.0.0.0/8`; all by default"""
    allow_plain_remote: bool = False
    """accept plain TCP from other machines"""
    logon_timeout: Seconds = 10.0
    """seconds from the accept to a Logon that is complete and judged"""
    max_logon_size: Annotated[int, Field(ge=256)] = 8_192
    """the longest first message, bytes"""
    max_pending: Annotated[int, Field(ge=1)] = 256
    """connections without a Logon at once"""
    max_pending_per_address: Annotated[int, Field(ge=1)] = 16
    """the same, of one address"""

"""The settings file as types: what may be written, what it defaults to, and what each setting means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fixgw.config.hours import ResetTime
from fixgw.config.rest import RestSection
from fixgw.config.risk import PriceRangeSection, RiskSection
from fixgw.config.sections import (
    ConnectSection,
    DictionarySection,
    KillSwitchSection,
    LimitsSection,
    ListenSection,
    Part,
    PausesSection,
    RateLimitSection,
    ReconnectSection,
    ScheduleSection,
    Section,
    StoreSection,
    TimingSection,
)
from fixgw.config.values import (
    ConfigFile,
    HandlerPath,
    Listen,
    LogonFields,
    Name,
    Pins,
    SecretReference,
    Text,
    fault,
)
from fixgw.engine.loop import BUSY_POLL_US
from fixgw.session.state import OnGap, OnMismatch


def _not_empty(sessions: tuple[SessionSection, ...]) -> tuple[SessionSection, ...]:
    if not sessions:
        raise fault("there is no session", "add one to `sessions:`")
    return sessions


class SessionSection(Part):
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
    role: Literal["initiator", "acceptor"] = "initiator"
    """`initiator` connects to the counterparty; an `acceptor` is connected to"""
    connect: ConnectSection = ConnectSection()
    """where the counterparty listens"""
    listen: ListenSection | None = None
    """where an acceptor listens"""
    peer_certificates: Pins = ()
    """of an acceptor: SHA-256 of the client certificates that may open it, 64 hex digits; any by default"""
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
    """Username(553) of our Logon; of an acceptor: of the peer's"""
    password: SecretReference | None = None
    """Password(554) of our Logon, or of the peer's, by reference: `${file:/path}` or `${env:NAME}`"""
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
    dictionary: DictionarySection | None = None
    """dictionaries against which received messages are checked; none by default"""
    on_gap: OnGap | None = None
    """`continue` or `reconnect`, on sessions that can not ask for what is missing"""
    on_mismatch: OnMismatch = OnMismatch.STOP
    """`stop` or `reset` when two sides disagree on a number; `reset` wherever each Logon begins at 1"""
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
    risk: RiskSection = RiskSection()
    """limits on the orders that it sends; none by default"""
    limits: LimitsSection = LimitsSection()
    """what may pile up"""
    pauses: PausesSection = PausesSection()
    """what is kept back while the venue is paused"""
    account: Text | None = None
    """a name for the account, where there are several: each has positions and rate limits of its own"""
    rate_limit: RateLimitSection | None = None
    """the account's rate limits, kept to before the venue has to; not counted by default"""
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
    kill_switch: KillSwitchSection = KillSwitchSection()
    """how the kill switch works"""
    rest: RestSection | None = None
    """the venue's REST API, as reconciliation and the kill switch ask it"""
    logs: LogsSection = LogsSection()
    """what is logged, and how"""
    busy_poll_us: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = BUSY_POLL_US
    """microseconds that the process stays awake after traffic, for quicker answers; 0 sleeps at once"""
    grids: dict[str, dict[str, tuple[PriceRangeSection, ...]]] = {}
    """price grids of markets, by venue name, then symbol or pattern; a price off its grid does not leave"""
    venue_overrides: dict[str, dict[str, Any]] = {}
    """changes to a venue's table of facts, by venue name"""

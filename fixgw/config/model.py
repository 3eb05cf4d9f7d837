"""The settings file as types: what may be written, what it defaults to, and what each setting means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from fixgw.config.references import Referenced
from fixgw.engine.loop import BUSY_POLL_US
from fixgw.fix.tags import SECRET_TAGS
from fixgw.session.state import OnGap, OnMismatch
from fixgw.store.base import Sync


def fault(what: str, remedy: str) -> PydanticCustomError:
    """Return what a validator raises: the sentence and the remedy arrive unchanged at the person."""
    return PydanticCustomError("setting", "{what}", {"what": what, "remedy": remedy})


def _below_base(path: Path, info: ValidationInfo) -> Path:
    base: Path = (info.context or {}).get("base", Path())
    return base / path.expanduser()


def _secret(value: Any, name: str = "the secret") -> Secret:
    """Take what came by reference, and nothing that stands in the file itself."""
    if isinstance(value, Referenced):
        return Secret(value)
    raise fault(
        f"{name} stands in the file in clear",
        "move it out, treat it as leaked, and write ${file:/path} or ${env:NAME} in its place",
    )


def _logon_fields(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    fields: dict[Any, Any] = {}
    for tag, text in value.items():
        if isinstance(text, bool):
            raise fault(f"the value of {tag} is a YAML boolean", 'FIX wants "Y" or "N"')
        fields[tag] = _secret(text, f"the secret in {tag}") if tag in SECRET_TAGS else _text(text)
    return fields


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


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


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Secret:
    """A value that is never shown, and that knows where it came from.

    Args:
        value: the text, as a reference gave it.
    """

    def __init__(self, value: Referenced) -> None:
        self._value = SecretStr(_pem_lines(value))
        self.origin = value.origin
        self.path = value.path

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value.get_secret_value()

    def __repr__(self) -> str:
        return f"<{self.origin}>"


def _pem_lines(text: str) -> str:
    """Undo the ``\\n`` with which a PEM text is squeezed into one environment variable."""
    return text.replace("\\n", "\n") if "\n" not in text and text.startswith("-----BEGIN") else str(text)


ConfigFile = Annotated[Path, AfterValidator(_below_base)]
SecretReference = Annotated[
    Secret,
    BeforeValidator(lambda value: _secret(value)),
    WithJsonSchema({"type": "string", "pattern": r"^\$\{(env|file):[^}]+\}$"}),
]
LogonFields = Annotated[
    dict[int, str | Secret],
    BeforeValidator(_logon_fields),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "integer"]}}),
]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Listen = Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):\d{1,5}$")]
HandlerPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
Pins = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]


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
    reset_on_logon: bool = False
    """start at 1 with each Logon, where the venue does not demand it anyway"""
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

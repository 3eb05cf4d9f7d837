"""The kinds of value that may stand in the file: texts, numbers, paths, references to secrets."""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from fixgw.config.references import Referenced
from fixgw.fix import tags
from fixgw.fix.tags import SECRET_TAGS, SESSION_TAGS

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
# What the session writes into each Logon -> the setting that says it.
_SAID_ELSEWHERE = {
    tags.HEART_BT_INT: "heartbeat",
    tags.RESET_SEQ_NUM_FLAG: "reset_on_logon",
    tags.NEXT_EXPECTED_MSG_SEQ_NUM: "next_expected",
    tags.DEFAULT_APPL_VER_ID: "default_appl_ver_id",
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_HOST_PORT = r"^(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):\d{1,5}$"


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
    for key, text in value.items():
        tag = int(key) if isinstance(key, str) and key.isdecimal() else key
        _refuse_tag(tag)
        if isinstance(text, bool):
            raise fault(f"the value of {tag} is a YAML boolean", 'FIX wants "Y" or "N"')
        fields[tag] = _secret(text, f"the secret in {tag}") if tag in SECRET_TAGS else _text(text)
    return fields


def _refuse_tag(tag: Any) -> None:
    """Refuse what is no tag, and what the session writes into its Logons."""
    if isinstance(tag, int) and tag <= 0:
        raise fault(f"{tag} is no tag", "tags are positive numbers")
    if tag in _SAID_ELSEWHERE:
        name = _SAID_ELSEWHERE[tag]
        raise fault(f"{tag} has a setting of its own", f"say {name} in the session, and take {tag} out")
    if tag in SESSION_TAGS or tag in (tags.MSG_TYPE, tags.ENCRYPT_METHOD):
        raise fault(f"the session writes {tag} itself", "take it out")


def _text(value: Any) -> Any:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _CONTROL_CHARACTER.search(text):
        raise fault("a control character stands in a field of FIX", "take it out")
    return text


def _duration(value: Any) -> Any:
    """Turn ``250ms``, ``10s``, ``2m`` and ``1h`` into seconds; a number is seconds already."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None:
        return float(match[1]) * _UNITS[match[2]]
    if isinstance(value, str):
        raise fault(f"{value!r} is no duration", "write 250ms, 10s, 2m or 1h")
    return value


def listed(value: Any) -> Any:
    """Let one text stand for a list of one."""
    return [value] if isinstance(value, str) else value


def _host_port(value: str) -> str:
    if not 1 <= split_host_port(value)[1] <= 65_535:
        raise fault(f"{value!r} has no port that exists", "say host:port with a port from 1 to 65535")
    return value


def _network(value: Any) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError:
        raise fault(f"{value!r} is no network", "write 10.1.0.0/16 without bits behind the mask") from None


def split_host_port(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; an IPv6 address stands in brackets."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


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
Listen = Annotated[str, StringConstraints(pattern=_HOST_PORT)]
HandlerPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
Pins = Annotated[tuple[str, ...], BeforeValidator(listed, json_schema_input_type=str | tuple[str, ...])]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Price = Annotated[Decimal, Field(gt=0, lt=1)]  # of a contract that pays one dollar or nothing
Dollars = Annotated[Decimal, Field(gt=0)]
Quantity = Annotated[Decimal, Field(gt=0)]
Rate = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    Field(ge=0, allow_inf_nan=False),
    WithJsonSchema({"type": ["number", "string"], "examples": ["250ms", "10s", "2m", 1.5]}),
]
Text = Annotated[
    str, BeforeValidator(_text, json_schema_input_type=str | int), StringConstraints(min_length=1)
]
Port = Annotated[int, Field(ge=1, le=65535)]
Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"]}),
]
HostPort = Annotated[str, StringConstraints(pattern=_HOST_PORT), AfterValidator(_host_port)]

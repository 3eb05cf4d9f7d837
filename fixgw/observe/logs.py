"""One set-up for all logs: readable on a terminal, JSON elsewhere, and no secret in either.

The library logs through the standard library under ``fixgw.*``; programs call ``setup`` once.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor, WrappedLogger

from fixgw.fix.redact import mask, printable

LogFormat = Literal["auto", "console", "json"]

HIDDEN = "***"
_SECRET_NAMES = re.compile(
    r"(^|_)(key|pem|password|passphrase|secret|token|signature|raw_data|credentials?)$", re.IGNORECASE
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)


def setup(level: str = "info", log_format: LogFormat = "auto", stream: TextIO | None = None) -> None:
    """Send every log record of the process to one stream; calling it again replaces the former set-up.

    Args:
        level: the least that is logged: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``auto`` is console on a terminal and JSON otherwise.
        stream: standard error by default.
    """
    out = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_PRE_CHAIN, processors=[*_POST_CHAIN, _renderer(log_format, out)]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_PRE_CHAIN, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask secrets in a log event: secret FIX fields, private keys, and whatever has a secret's name."""
    return {name: HIDDEN if _is_secret(name, value) else _clean(value) for name, value in event.items()}


def _is_secret(name: object, value: object) -> bool:
    return isinstance(name, str) and bool(_SECRET_NAMES.search(name)) and isinstance(value, str | bytes)


def _clean(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return printable(bytes(value))
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, Mapping):
        return {name: HIDDEN if _is_secret(name, item) else _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean_text(str(value))


def _clean_text(text: str) -> str:
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub("<private key>", text)
    if "=" in text:
        text = mask(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")
    return text.replace("\x01", "|")


def _renderer(log_format: LogFormat, stream: TextIO) -> Processor:
    terminal = stream.isatty()
    if log_format == "json" or (log_format == "auto" and not terminal):
        return structlog.processors.JSONRenderer(default=str)
    colors = terminal and not os.environ.get("NO_COLOR")
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=30
    )


_PRE_CHAIN: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    add_log_level,
    add_logger_name,
    ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_POST_CHAIN: list[Processor] = [
    ProcessorFormatter.remove_processors_meta,
    structlog.processors.format_exc_info,  # before redaction: a traceback quotes values too
    redact,
]

"""What an acceptor decides about a Logon, once its caller has judged the credentials."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Accept:
    """The peer is who it says it is.

    Args:
        fields: further fields for our Logon, in wire order.
    """

    fields: tuple[tuple[int, str], ...] = ()


class Answer(Enum):
    """How a refusal is told."""

    SILENT = "silent"
    LOGOUT = "logout"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Refuse:
    """The Logon is refused; no number moves, whatever it asked for.

    Args:
        answer: what the peer is told before the connection closes.
        text: Text(58) of the answer.
        reason: SessionRejectReason(373) of a Reject.
    """

    answer: Answer = Answer.SILENT
    text: str = ""
    reason: int = 99

    @classmethod
    def silently(cls) -> Refuse:
        """Close without a word, as FIXT asks for when the identity is in doubt."""
        return cls()

    @classmethod
    def with_logout(cls, text: str) -> Refuse:
        """Answer with a Logout that carries ``text``, then close."""
        return cls(Answer.LOGOUT, text)

    @classmethod
    def with_reject(cls, reason: int, text: str) -> Refuse:
        """Answer with a Reject of SessionRejectReason(373) ``reason``, then close."""
        return cls(Answer.REJECT, text, reason)


Verdict: TypeAlias = Accept | Refuse

"""Numbers changed by a person while a session is logged out, with an audit record, or by the time of day."""

from __future__ import annotations

from fixgw.engine.link import Link
from fixgw.errors import LocalError
from fixgw.records import Kind
from fixgw.session.events import NumbersReset
from fixgw.session.outcome import Outcome


def set_numbers(link: Link, next_in: int | None, next_out: int | None, reason: str) -> None:
    """Set the next numbers of a session.

    Args:
        link: the session's link, not connected.
        next_in: the next MsgSeqNum expected from the peer; None leaves it.
        next_out: the next MsgSeqNum of ours; None leaves it.
        reason: who and why, for the audit trail.

    Raises:
        LocalError: the session is connected, or a number is below 1.
        StoreError: the change could not be written; the numbers are as they were.
    """
    _refuse_connected(link)
    before = link.epoch
    link.session.set_numbers(next_in, next_out)
    link.numbers_set_in = link.epoch
    link.outbox.records.append(link.upkeep.record(Kind.NUMBERS, reason.encode()))
    outcome = Outcome()
    if link.epoch != before:
        outcome.events.append(NumbersReset(link.epoch))
    link.turn(outcome, tell=True)


def reset_numbers(link: Link, reason: str) -> None:
    """Begin a new epoch at 1 and 1; the next Logon says so.

    Args:
        link: the session's link, not connected.
        reason: who and why, for the audit trail.

    Raises:
        LocalError: the session is connected.
        StoreError: the change could not be written; the numbers are as they were.
    """
    _refuse_connected(link)
    link.outbox.records.append(link.upkeep.record(Kind.NOTE, f"reset by hand: {reason}".encode()))
    link.turn(link.session.reset(link.now()), tell=True)
    link.reset_next_logon = True


def reset_in_session(link: Link) -> None:
    """Begin a new epoch at 1 and 1 inside a running session, by a Logon with ResetSeqNumFlag=Y.

    Args:
        link: the session's link, logged on.

    Raises:
        LocalError: it is not logged on, or the Logon can not be signed.
        StoreError: the change could not be written; the connection ends.
    """
    link.turn(link.session.reset(link.now()), tell=True)


def _refuse_connected(link: Link) -> None:
    if link.connected:
        raise LocalError(f"{link.name}: log out first: numbers are not changed while connected")

"""What a link does about each event of its session that is not an application message."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fixgw.engine.ending import Ending
from fixgw.handlers.base import Context
from fixgw.session import events
from fixgw.session.admin import text_of

if TYPE_CHECKING:
    from fixgw.engine.driver import Driver

log = logging.getLogger("fixgw.link")


def react(link: Driver, event: object) -> None:
    """Carry out the row of ``REACTIONS`` for the event."""
    REACTIONS[type(event)](link, event)


def _ending(link: Driver) -> Ending:
    """Return what is gathered about the end of the connection that the event came on."""
    assert link.ending is not None
    return link.ending


def _logged_on(link: Driver, event: events.LoggedOn) -> None:
    _ending(link).begin(link.now().mono)
    waiters, link.logon_waiters = link.logon_waiters, []
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
    log.info("logged on", extra={"session": link.name, "epoch": link.epoch, "reset": event.reset})
    for book in link.router.books:
        book.on_logon()
    link.dispatcher.signal("on_logon", Context(link, event.logon.msg_seq_num))


def _logon_received(link: Driver, event: events.LogonReceived) -> None:
    if link.judge is not None:
        link.judge(event.logon)


def _logon_refused(link: Driver, event: events.LogonRefused) -> None:
    _ending(link).refused = event
    log.warning("logon refused", extra={"session": link.name, "text": event.text, "reason": event.reason})


def _logged_out(link: Driver, event: events.LoggedOut) -> None:
    _ending(link).logout_text = event.text
    log.info("logged out", extra={"session": link.name, "text": event.text, "by_us": event.by_us})
    link.dispatcher.signal("on_logout", event.text)


def _numbers_reset(link: Driver, event: events.NumbersReset) -> None:
    link.epoch_delivered = event.epoch
    log.info("numbers are back to 1", extra={"session": link.name, "epoch": event.epoch})
    instant = link.now().utc_ns
    for book in link.router.books:
        book.on_reset(event.epoch, instant)


def _reject_received(link: Driver, event: events.RejectReceived) -> None:
    detail = {"session": link.name, "ref_seq_num": event.ref_seq_num, "text": text_of(event.reject)}
    log.warning("message rejected by the peer", extra=detail)
    for book in link.router.books:
        book.on_reject(event.reject, event.ref_seq_num)
    link.dispatcher.signal("on_reject", event.reject, event.ref_seq_num)


def _gap_lost(link: Driver, event: events.GapLost) -> None:
    log.error("messages lost", extra={"session": link.name, "first": event.first, "last": event.last})
    for book in link.router.books:
        book.on_gap(event.first, event.last)
    link.dispatcher.signal("on_gap", event.first, event.last)


def _not_resent(link: Driver, event: events.NotResent) -> None:
    for book in link.router.books:
        book.on_not_sent(event.msg_seq_num)


def _number_too_low(link: Driver, event: events.NumberTooLow) -> None:
    _ending(link).too_low = event


def _gap_detected(link: Driver, event: events.GapDetected) -> None:
    detail = {"session": link.name, "first": event.first, "last": event.last}
    log.warning("messages are missing and were asked for", extra=detail)


def _garbled(link: Driver, event: events.GarbledReceived) -> None:
    # the excerpt goes to the log as bytes, so that whoever writes the log can mask and shorten it
    detail = {"session": link.name, "reason": event.reason, "bytes": event.size, "excerpt": event.excerpt}
    log.warning("garbled bytes skipped", extra=detail)


def _alarm(link: Driver, event: events.Alarm) -> None:
    log.warning("look at this session", extra={"session": link.name, "why": event.text})


def _heartbeat(link: Driver, event: events.HeartbeatRoundTrip) -> None:
    link.heartbeats.record(event.seconds)


def _counted(link: Driver, event: object) -> None:
    """The session's own snapshot holds it already."""


REACTIONS: dict[type, Callable[[Driver, Any], None]] = {
    events.LoggedOn: _logged_on,
    events.LogonReceived: _logon_received,
    events.LogonRefused: _logon_refused,
    events.LoggedOut: _logged_out,
    events.NumbersReset: _numbers_reset,
    events.RejectReceived: _reject_received,
    events.GapDetected: _gap_detected,
    events.GapLost: _gap_lost,
    events.NotResent: _not_resent,
    events.GarbledReceived: _garbled,
    events.NumberTooLow: _number_too_low,
    events.ClockOffset: _counted,
    events.HeartbeatRoundTrip: _heartbeat,
    events.Alarm: _alarm,
}

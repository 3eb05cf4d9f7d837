"""How long a session's messages can be asked for again: docs.kalshi.com/fix/session-management."""

from __future__ import annotations

from fixgw.clock import Clock
from fixgw.errors import FieldError
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.session import admin
from fixgw.sim import dialect
from fixgw.sim.logon import RETENTION_HOURS
from fixgw.store.base import Store

HOUR_NS = 3600 * 1_000_000_000
VALUE_INCORRECT = 5


class Retention:
    """Judges ResendRequests by the age of what they ask for, and session messages by their tags.

    Args:
        store: what was sent.
        clock: the venue's.
        fill: what is too old is gap-filled; otherwise a request that begins there is rejected.

    Attributes:
        hours: MessageRetentionPeriod(20200) of the latest Logon.
    """

    def __init__(self, store: Store, clock: Clock, *, fill: bool) -> None:
        self.hours = RETENTION_HOURS
        self._store = store
        self._clock = clock
        self._fill = fill

    def check(self, message: Message) -> None:
        """Hold a message that was received against what the venue takes.

        Raises:
            Reject: an undefined tag, or a BeginSeqNo(7) that is not retained any more.
        """
        dialect.check_admin(message)
        if message.msg_type != "2" or self._fill:
            return
        begin = admin.require_number(message, tags.BEGIN_SEQ_NO)
        oldest_ns = self._clock.now().utc_ns - self.hours * HOUR_NS
        if any(record.utc_ns < oldest_ns for record in self._store.read(begin, begin)):
            text = f"BeginSeqNo(7) is older than the {self.hours} hours that messages are retained"
            raise FieldError(tags.BEGIN_SEQ_NO, VALUE_INCORRECT, text)

    def may_resend(self, msg_type: str, age_seconds: float, former_connection: bool) -> bool:
        """Return true for what is retained; see ``ResendPolicy``."""
        return age_seconds <= self.hours * 3600

"""Heartbeats as two deadlines: when we have to speak, and by when the peer has to be heard."""

from __future__ import annotations

from enum import Enum
from math import inf


class Due(Enum):
    """What a deadline that has passed asks for."""

    NOTHING = "nothing"
    HEARTBEAT = "heartbeat"
    TEST_REQUEST = "test request"
    CLOSE = "close"


class Liveness:
    """The heartbeat machine: idle, or probing with an unanswered TestRequest.

    All instants are monotonic seconds. While a probe is unanswered no heartbeat of ours is due, so that the
    peer sees our silence too when the path is broken one way.

    Args:
        test_request_factor: silence, in heartbeat intervals, after which to probe.
        dead_factor: silence, in heartbeat intervals, after which to close.
    """

    __slots__ = (
        "_dead_factor",
        "_patience",
        "_probed_at",
        "_sent_at",
        "_test_factor",
        "hear_by",
        "interval",
        "probing",
        "send_by",
        "silence",
    )

    def __init__(self, test_request_factor: float, dead_factor: float) -> None:
        self._test_factor = test_request_factor
        self._dead_factor = dead_factor
        self.stop()

    def start(self, heart_bt_int: float, mono: float) -> None:
        """Begin to watch; an interval of 0 means that neither side sends heartbeats (FIXT.1.1, tag 108)."""
        self.stop()
        self._sent_at = mono
        if heart_bt_int > 0:
            self.interval = heart_bt_int
            self.silence = heart_bt_int * self._test_factor
            self._patience = heart_bt_int * (self._dead_factor - self._test_factor)
            self.send_by = mono + self.interval
            self.hear_by = mono + self.silence

    def stop(self) -> None:
        """Watch nothing."""
        self.interval = self.silence = self._patience = inf
        self.send_by = self.hear_by = inf
        self.probing = False
        self._sent_at = 0.0
        self._probed_at: float | None = None

    def sent(self, mono: float) -> None:
        """Note that something left."""
        self._sent_at = mono
        if not self.probing:
            self.send_by = mono + self.interval

    def heard(self, mono: float) -> None:
        """Note that bytes arrived, whatever they are."""
        self.hear_by = mono + self.silence
        if self.probing:
            self.probing = False
            self.send_by = self._sent_at + self.interval

    def probed(self, mono: float) -> None:
        """Note that a TestRequest left; the deadline counts from it, so that a late timer kills nobody."""
        self.probing = True
        self._probed_at = mono
        self.send_by = inf
        self.hear_by = mono + self._patience

    def answered(self, mono: float) -> float | None:
        """Note the answer to our TestRequest; return the round trip in seconds, None if none was due."""
        probed_at, self._probed_at = self._probed_at, None
        return None if probed_at is None else mono - probed_at

    def deafen(self, mono: float) -> None:
        """Stop to judge the peer's silence: our side does not read."""
        self.silence = inf
        self.heard(mono)

    def listen(self, mono: float) -> None:
        """Judge the peer's silence again, from now on."""
        self.silence = self.interval * self._test_factor
        self.heard(mono)

    def due(self, mono: float) -> Due:
        """Return what has to be done now."""
        if mono >= self.hear_by:
            return Due.CLOSE if self.probing else Due.TEST_REQUEST
        return Due.HEARTBEAT if mono >= self.send_by else Due.NOTHING

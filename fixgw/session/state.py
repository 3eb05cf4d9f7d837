"""The tables that a session lives by: its phases, what moves it, and when an admin message is legal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Literal

from fixgw.errors import ConfigError
from fixgw.fix.message import Message
from fixgw.session.hooks import LogonSigner, NoSigner, ResendEverything, ResendPolicy


class Role(StrEnum):
    """Which side of the connection a session is."""

    INITIATOR = "initiator"
    ACCEPTOR = "acceptor"


class OnGap(StrEnum):
    """What a session without retransmission does about a gap, once ``GapLost`` is told."""

    CONTINUE = "continue"
    RECONNECT = "reconnect"


class OnMismatch(StrEnum):
    """What a supervisor does when the two sides disagree on a number; the session only reports."""

    STOP = "stop"
    RESET = "reset"


class Phase(Enum):
    """Where a session stands."""

    CLOSED = "closed"
    LOGON_SENT = "logon sent"
    LOGON_WAIT = "waiting for a logon"
    LOGON_PENDING = "logon awaits a verdict"
    ACTIVE = "active"
    RESET_SENT = "reset sent"
    LOGOUT_SENT = "logout sent"


class Input(Enum):
    """What moves a session from one phase to another."""

    DIAL = "dial"
    ACCEPT = "accept"
    LOGON = "logon received"
    ADMIT = "logon admitted"
    RESET = "reset asked for"
    LOGOUT = "logout asked for"
    END = "connection ended"


# A missing key is the error: the input is not possible in that phase.
PHASES: dict[Phase, dict[Input, Phase]] = {
    Phase.CLOSED: {
        Input.DIAL: Phase.LOGON_SENT,
        Input.ACCEPT: Phase.LOGON_WAIT,
    },
    Phase.LOGON_SENT: {
        Input.LOGON: Phase.ACTIVE,
        Input.END: Phase.CLOSED,
    },
    Phase.LOGON_WAIT: {
        Input.LOGON: Phase.LOGON_PENDING,
        Input.END: Phase.CLOSED,
    },
    Phase.LOGON_PENDING: {
        Input.ADMIT: Phase.ACTIVE,
        Input.END: Phase.CLOSED,
    },
    Phase.ACTIVE: {
        Input.LOGON: Phase.ACTIVE,
        Input.RESET: Phase.RESET_SENT,
        Input.LOGOUT: Phase.LOGOUT_SENT,
        Input.END: Phase.CLOSED,
    },
    Phase.RESET_SENT: {
        Input.LOGON: Phase.ACTIVE,
        Input.LOGOUT: Phase.LOGOUT_SENT,
        Input.END: Phase.CLOSED,
    },
    Phase.LOGOUT_SENT: {
        Input.LOGON: Phase.LOGOUT_SENT,
        Input.END: Phase.CLOSED,
    },
}

BEFORE_NEXT_EXPECTED = frozenset({"FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3"})

ESTABLISHED = frozenset({Phase.ACTIVE, Phase.RESET_SENT, Phase.LOGOUT_SENT})
HANDSHAKE = frozenset({Phase.LOGON_SENT, Phase.LOGON_WAIT, Phase.LOGON_PENDING})

# Admin messages: the method that takes one whose turn has come, and the phases in which one may arrive.
# Anything else is an application message, legal in ESTABLISHED.
LEGAL: dict[str, tuple[str, frozenset[Phase]]] = {
    "A": ("_on_logon", ESTABLISHED | {Phase.LOGON_SENT, Phase.LOGON_WAIT}),
    "0": ("_on_heartbeat", ESTABLISHED),
    "1": ("_on_test_request", ESTABLISHED),
    "2": ("_on_resend_request", ESTABLISHED),
    "3": ("_on_reject", ESTABLISHED | {Phase.LOGON_SENT}),
    "4": ("_on_sequence_reset", ESTABLISHED),
    "5": ("_on_logout", ESTABLISHED | {Phase.LOGON_SENT}),
}


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session has to know about itself and its peer.

    Args:
        name: the session's name, for events and snapshots.
        role: initiator or acceptor.
        sender_comp_id: SenderCompID(49) of what we send.
        target_comp_id: TargetCompID(56) of what we send.
        called: TargetCompID(56) of what the peer sends; empty: ``sender_comp_id``.
        begin_string: BeginString(8), both ways.
        default_appl_ver_id: DefaultApplVerID(1137) of our Logon; None for FIX.4.x, which has no such field.
        heart_bt_int: HeartBtInt(108), seconds, that an initiator asks for; an acceptor takes the peer's.
        signer: makes the Logon fields that prove who we are.
        logon_fields: the venue's own Logon fields, in wire order.
        reset_on_logon: an initiator sends 141=Y with each Logon; an acceptor starts at 1 with each.
        retransmission: ResendRequest and SequenceReset are in use.
        on_gap: what to do about a gap when they are not.
        accepted_sender_comp_ids: values of the peer's SenderCompID(49); empty: ``target_comp_id`` alone.
        time_precision: of SendingTime(52) that we send.
        sending_time_window: how far the peer's SendingTime(52) may be off, seconds.
        strict_sending_time: refuse what is outside the window; None: an acceptor does, an initiator warns.
        answer_bad_logon: an acceptor answers a Logon that fails its checks with a Reject; else in silence.
        resend_policy: which old messages may be sent again.
        check: validates a received message whose turn has come; raises ``Reject`` to refuse it.
        logon_timeout: seconds to the end of the Logon handshake.
        logout_timeout: seconds to the answer to our Logout.
        gap_timeout: seconds without progress after which missing messages are asked for again, then given up.
        test_request_factor: silence, in heartbeat intervals, after which a TestRequest goes out.
        dead_factor: silence, in heartbeat intervals, after which the connection is closed.
        max_frame_size: the longest frame accepted, bytes.
        waiting_messages: how many messages wait behind a gap at most.
        waiting_bytes: how many bytes wait behind a gap at most.
        max_resend: a ResendRequest for more messages raises an alarm.
        resend_limit: a ResendRequest for more messages ends the connection.
        on_mismatch: kept here for the supervisor.
        accepted_appl_ver_ids: values of DefaultApplVerID(1137) of a peer's Logon; empty: any.
        resend_chunk: messages that one ResendRequest of ours asks for at most; 0: all, EndSeqNo(16)=0.
        next_expected: both Logons carry NextExpectedMsgSeqNum(789), and what it shows to be missing is sent
            again without a ResendRequest.
        last_processed: each message that we send carries LastMsgSeqNumProcessed(369).
        reset_on_logout: both numbers go back to 1 once a Logout is answered.
        reset_on_disconnect: both numbers go back to 1 once the connection ends, however that comes about.
        reject_garbled: what is garbled in its fields alone is refused with a Reject, not skipped.
        validate_checksum: compare CheckSum(10) of what is received; its form is checked either way.
        max_jump: how far a MsgSeqNum(34) or a NewSeqNo(36) may lie beyond the expected number.
        repeated_resend_limit: how often the same ResendRequest is served with nothing new in between; one
            more ends the connection.

    Raises:
        ConfigError: two of them do not go together.
    """

    name: str
    role: Role
    sender_comp_id: str
    target_comp_id: str
    begin_string: str = "FIXT.1.1"
    default_appl_ver_id: str | None = "9"
    heart_bt_int: int = 30
    signer: LogonSigner = field(default_factory=NoSigner)
    logon_fields: tuple[tuple[int, str], ...] = ()
    reset_on_logon: bool = False
    retransmission: bool = True
    on_gap: OnGap = OnGap.CONTINUE
    accepted_sender_comp_ids: frozenset[str] = frozenset()
    time_precision: Literal["ms", "us", "ns"] = "ms"
    sending_time_window: float = 120.0
    strict_sending_time: bool | None = None
    answer_bad_logon: bool = False
    resend_policy: ResendPolicy = field(default_factory=ResendEverything)
    check: Callable[[Message], None] | None = None
    logon_timeout: float = 10.0
    logout_timeout: float = 2.0
    gap_timeout: float = 10.0
    test_request_factor: float = 1.2
    dead_factor: float = 2.4
    max_frame_size: int = 65_536
    waiting_messages: int = 1_000
    waiting_bytes: int = 4 * 1024 * 1024
    max_resend: int = 10_000
    resend_limit: int = 1_000_000
    on_mismatch: OnMismatch = OnMismatch.STOP
    accepted_appl_ver_ids: frozenset[str] = frozenset()
    resend_chunk: int = 0
    next_expected: bool = False
    last_processed: bool = False
    reset_on_logout: bool = False
    reset_on_disconnect: bool = False
    reject_garbled: bool = False
    validate_checksum: bool = True
    max_jump: int = 1_000_000
    repeated_resend_limit: int = 5
    called: str = ""

    def __post_init__(self) -> None:
        fix_4 = self.begin_string.startswith("FIX.4.")
        if fix_4 and self.default_appl_ver_id is not None:
            raise self._unusable(
                f"{self.begin_string} has no DefaultApplVerID(1137)", "set default_appl_ver_id to None"
            )
        if self.next_expected and self.begin_string in BEFORE_NEXT_EXPECTED:
            raise self._unusable(
                f"{self.begin_string} has no NextExpectedMsgSeqNum(789)", "use it with FIX.4.4 and later"
            )
        if self.next_expected and not self.retransmission:
            raise self._unusable(
                "NextExpectedMsgSeqNum(789) asks for messages again, and retransmission is off",
                "switch next_expected off",
            )

    def _unusable(self, what: str, remedy: str) -> ConfigError:
        return ConfigError(what, f"session {self.name}", remedy)

    @property
    def initiator(self) -> bool:
        """True for the side that dials."""
        return self.role is Role.INITIATOR

    @property
    def strict_time(self) -> bool:
        """True when a SendingTime(52) outside the window ends the connection."""
        if self.strict_sending_time is None:
            return not self.initiator
        return self.strict_sending_time

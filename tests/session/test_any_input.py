"""Whatever arrives, in whatever phase: nothing is raised, and nothing moves that may not."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixgw.errors import LocalError
from fixgw.fix.framing import Framer
from fixgw.fix.message import Message
from fixgw.records import Flag, Kind
from fixgw.session.outcome import Outcome, Replay, Send
from fixgw.session.state import PHASES, Phase, Role
from fixgw.session.verdict import Accept, Refuse
from tests.session.desk import Desk, in_phase

MSG_TYPES = ["A", "0", "1", "2", "3", "4", "5", "D", "8", "j", "*", "UMS", ""]
TAGS = [
    7,
    16,
    34,
    35,
    36,
    43,
    45,
    49,
    52,
    56,
    58,
    95,
    96,
    98,
    108,
    112,
    115,
    122,
    123,
    141,
    369,
    789,
    1137,
    9999,
    0,
    -1,
    "x",
]
VALUES = ["", "Y", "N", "X", "0", "1", "2", "3", "5", "999999", "4294967294", "-1", "TEST", "US", "THEM",
          "20261009-14:30:00", "20261009-14:30:00.000", "99991231-23:59:60", "\udcff",
          "MsgSeqNum too low, expecting 2 but received 1"]  # fmt: skip
FIELDS = st.lists(st.builds("{}={}".format, st.sampled_from(TAGS), st.sampled_from(VALUES)), max_size=6)
NUMBERS = st.one_of(st.none(), st.integers(0, 8), st.sampled_from(["", "x", "-1", 2**32, 10**25]))
KINDS = st.fixed_dictionaries({}, optional={
    "retransmission": st.just(False),
    "strict_sending_time": st.booleans(),
    "waiting_messages": st.integers(0, 2),
    "resend_limit": st.just(1),
    "answer_bad_logon": st.just(True),
    "reset_on_logon": st.just(True),
    "reset_on_logout": st.just(True),
    "reset_on_disconnect": st.just(True),
    "next_expected": st.just(True),
    "last_processed": st.just(True),
    "resend_chunk": st.integers(1, 2),
    "reject_garbled": st.just(True),
    "validate_checksum": st.just(False),
    "max_jump": st.integers(1, 3),
    "repeated_resend_limit": st.just(1),
    "accepted_appl_ver_ids": st.just(frozenset({"9"})),
}).filter(lambda kind: kind.get("retransmission", True) or "next_expected" not in kind)  # fmt: skip


def check_outcome(desk: Desk, outcome: Outcome) -> None:
    """Check what holds for every outcome."""
    framer = Framer()
    next_out = None
    for step in outcome.steps:
        if isinstance(step, Replay):
            assert 1 <= step.begin <= step.end < desk.session.next_out
            continue
        record = step.record if isinstance(step, Send) else step
        if record.kind == Kind.RESET:
            next_out = 1
        if record.kind == Kind.FRAME and record.flags & Flag.OUTBOUND:
            (frame,) = framer.feed(step.wire if isinstance(step, Send) else record.payload)
            assert isinstance(frame, bytes)
            message = Message.decode(frame)
            if record.msg_seq_num:
                assert message.msg_seq_num == record.msg_seq_num == record.next_out - 1
                assert next_out in (None, record.msg_seq_num)
                next_out = record.next_out
        assert record.epoch <= desk.session.epoch
    if outcome.close is not None:
        assert desk.session.phase is Phase.CLOSED
        assert desk.session.deadline is None


@given(
    phase=st.sampled_from(list(Phase)),
    kind=KINDS,
    msg_type=st.sampled_from(MSG_TYPES),
    number=NUMBERS,
    fields=FIELDS,
    late=st.sampled_from([0.0, 121.0, -121.0]),
    sender=st.sampled_from(["THEM", "WHO", ""]),
    begin=st.sampled_from(["FIXT.1.1", "FIXT.1.1", "FIX.4.4"]),
)
@example(Phase.ACTIVE, {}, "D", 2, ["43=Y", "122="], 0.0, "THEM", "FIXT.1.1")
@settings(max_examples=600, deadline=None)
def test_one_message_in_any_phase(
    phase: Phase,
    kind: dict[str, Any],
    msg_type: str,
    number: object,
    fields: list[str],
    late: float,
    sender: str,
    begin: str,
) -> None:
    desk = in_phase(phase, **{**kind, "waiting_messages": 1000} if phase is Phase.LOGON_PENDING else kind)
    epoch, next_in = desk.session.epoch, desk.session.next_in
    data = desk.frame(msg_type, number, *fields, late=late, sender=sender, begin=begin)
    outcome = desk.session.receive(data, desk.clock.now())
    check_outcome(desk, outcome)
    after = desk.session.phase
    assert after is phase or after in PHASES[phase].values()
    if phase in (Phase.CLOSED, Phase.LOGON_WAIT, Phase.LOGON_PENDING):
        assert (desk.session.epoch, desk.session.next_in) == (epoch, next_in)
    if desk.session.epoch == epoch:
        assert desk.session.next_in >= next_in
    if phase is Phase.CLOSED:
        assert outcome.steps == []
    elif phase is not Phase.LOGON_PENDING:
        assert any(not isinstance(step, Replay) for step in outcome.steps)  # every frame leaves a record


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.sampled_from(MSG_TYPES), st.integers(-2, 3), FIELDS),
        st.tuples(st.just("bytes"), st.binary(max_size=40)),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 6.0, 30.0])),
        st.tuples(st.just("send")),
        st.tuples(st.just("admit"), st.sampled_from([Accept(), Refuse.silently(), Refuse.with_logout("no")])),
        st.tuples(st.sampled_from(["dial", "accept", "logout", "reset", "lost"])),
    ),
    max_size=25,
)


@given(role=st.sampled_from(list(Role)), kind=KINDS, steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_any_life(role: Role, kind: dict[str, Any], steps: list[tuple[object, ...]]) -> None:
    desk = Desk(role, **kind)
    for step in [("dial" if role is Role.INITIATOR else "accept",), *steps]:
        before = desk.session.phase
        try:
            check_outcome(desk, _outcome(desk, *step))
        except LocalError:
            assert desk.session.phase is before


def _outcome(desk: Desk, name: object, *given_: object) -> Outcome:
    session, now = desk.session, desk.clock.now()
    match name, given_:
        case "frame", (str(msg_type), int(relation), list(fields)):
            number = max(session.next_in + relation, 0)
            return session.receive(desk.frame(msg_type, number, *fields), now)
        case "bytes", (bytes(data),):
            return session.receive(data, now)
        case "wait", (float(seconds),):
            return session.tick(desk.clock.advance(seconds))
        case "send", ():
            return Outcome([session.send(Message("D", [(11, "id")]), now)])
        case "admit", (verdict,):
            return session.admit(verdict, now)  # type: ignore[arg-type]
        case "logout", ():
            return session.logout("bye", now)
        case _:
            outcome: Outcome = getattr(session, str(name))(now)
            return outcome

"""Serving a ResendRequest: what is sent again, what is filled, and when a replay ends early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixgw.fix.message import Message
from fixgw.records import Flag, Record, SeqNums
from fixgw.session.events import Alarm, NotResent
from fixgw.session.hooks import ResendFresh
from fixgw.session.outcome import CloseCode, Replay
from fixgw.session.resend import without
from fixgw.session.state import Phase, Role
from tests.session.desk import Desk, short

T0 = "20261009-14:30:00.000"


def mixed() -> Desk:
    """Return a desk that sent: 1 Logon, 2 Heartbeat, 3 D, 4 D, 5 Heartbeat; 4 messages were received."""
    desk = Desk.on()
    desk.say("1", 2, "112=x")
    desk.send("D", (11, "a"))
    desk.send("D", (11, "b"))
    desk.say("1", 3, "112=y")
    return desk


def fill(number: int, new_seq_no: int, now: str = T0) -> str:
    return f"35=4|34={number}|43=Y|122={now}|36={new_seq_no}|123=Y"


def again(number: int, cl_ord_id: str) -> str:
    return f"35=D|34={number}|43=Y|122={T0}|11={cl_ord_id}"


@pytest.mark.parametrize(
    ("begin", "end", "sent"),
    [
        (1, 0, [fill(1, 3), again(3, "a"), again(4, "b"), fill(5, 6)]),
        (1, 999999, [fill(1, 3), again(3, "a"), again(4, "b"), fill(5, 6)]),
        (1, 77, [fill(1, 3), again(3, "a"), again(4, "b"), fill(5, 6)]),
        (1, 2, [fill(1, 3)]),
        (2, 3, [fill(2, 3), again(3, "a")]),
        (3, 4, [again(3, "a"), again(4, "b")]),
        (5, 5, [fill(5, 6)]),
    ],
)
def test_application_messages_again_and_runs_of_the_rest_filled_8(
    begin: int, end: int, sent: list[str]
) -> None:
    desk = mixed()
    assert desk.say("2", 4, f"7={begin}", f"16={end}") == sent
    assert desk.numbers == (6, 5)


@pytest.mark.parametrize(("number", "next_in"), [(2, 4), (4, 5), (9, 4)])
def test_it_is_served_whatever_its_number(number: int, next_in: int) -> None:
    desk = mixed()
    sent = desk.say("2", number, "7=5", "16=5")
    assert sent[0] == fill(5, 6)
    assert desk.session.next_in == next_in
    assert sent[1:] == (["35=2|34=6|7=4|16=0"] if number == 9 else [])  # first serve, then ask


def test_one_that_was_served_early_is_not_served_again_in_its_turn_20() -> None:
    desk = mixed()
    desk.say("0", 5)
    desk.say("2", 6, "7=5", "16=5")
    assert desk.repeat("0", 4) == []
    assert desk.session.next_in == 7


def test_a_replay_is_stamped_with_the_time_it_leaves_and_counts_as_sent() -> None:
    desk = mixed()
    desk.clock.advance(29.0)
    (step,) = [
        s
        for s in desk.session.receive(desk.frame("2", 4, "7=3", "16=5"), desk.clock.now()).steps
        if isinstance(s, Replay)
    ]
    replay = desk.session.replay(step, desk.store.read(3, 5), desk.clock.now)
    stamps = []
    for item in replay:
        assert isinstance(item, Record)
        assert item.flags & (Flag.OUTBOUND | Flag.POSS_DUP) == Flag.OUTBOUND | Flag.POSS_DUP
        assert (item.next_out, item.next_in) == desk.numbers
        stamps.append(Message.decode(item.payload).text(52))
        desk.clock.advance(1.0)
    assert stamps == ["20261009-14:30:29.000", "20261009-14:30:30.000", "20261009-14:30:31.000"]
    assert desk.session.liveness.send_by == desk.clock.now().mono - 1.0 + 30.0


def test_numbers_that_the_store_does_not_hold_are_filled() -> None:
    desk = Desk(numbers=SeqNums(1, 50, 1))
    desk.log_on(1)
    desk.send()
    assert desk.say("2", 2, "7=10", "16=0") == [fill(10, 51), "35=D|34=51|43=Y|122=" + T0 + "|11=id"]


def test_a_message_with_secrets_is_never_sent_again() -> None:
    desk = Desk.on()
    record = desk.session.send(Message("BE", [(923, "1"), (554, "*****")]), desk.clock.now())
    desk.store.commit([record._replace(flags=record.flags | Flag.REDACTED)])
    assert desk.say("2", 2, "7=2", "16=2") == [fill(2, 3)]
    assert [event.msg_seq_num for event in desk.heard(NotResent)] == [2]


def test_old_orders_are_filled_and_told_cancels_are_sent_again() -> None:
    desk = Desk.on(Role.INITIATOR, resend_policy=ResendFresh())
    desk.send("D", (11, "old"))
    desk.send("F", (11, "cancel"))
    desk.clock.advance(6.0)
    desk.send("D", (11, "new"))
    sent = desk.say("2", 2, "7=1", "16=0")
    assert [text.split("|")[0] for text in sent] == ["35=4", "35=F", "35=D"]
    assert [(event.msg_seq_num, event.message[11]) for event in desk.heard(NotResent)] == [(2, b"old")]
    assert desk.session.tally.resent == 2
    assert desk.session.tally.filled == 2


def test_an_order_of_a_former_connection_never_executes_late() -> None:
    desk = Desk.on(Role.INITIATOR, resend_policy=ResendFresh(max_age_seconds=1e9))
    desk.send("D", (11, "former"))
    desk.do(desk.session.lost(desk.clock.now()))
    desk.log_on(2)
    desk.send("D", (11, "present"))
    sent = desk.say("2", 3, "7=2", "16=0")
    assert [event.msg_seq_num for event in desk.heard(NotResent)] == [2]
    assert sent == [fill(2, 4), again(4, "present")]


def frames(desk: Desk, plan: Replay) -> list[str]:
    replay = desk.session.replay(plan, desk.store.read(plan.begin, plan.end), desk.clock.now)
    return [short(item.payload) for item in replay if isinstance(item, Record)]


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
@pytest.mark.parametrize("end", ["reset", "lost", "reconnect"])
def test_a_replay_stops_with_its_connection_or_epoch(taken: int, end: str) -> None:
    desk = mixed()
    plan = Replay(1, 5, 1, 1)
    replay = desk.session.replay(plan, desk.store.read(1, 5), desk.clock.now)
    for _ in range(taken):
        next(replay)
    if end == "reset":
        desk.say("A", 1, "98=0", "108=30", "141=Y")
    else:
        desk.do(desk.session.lost(desk.clock.now()))
    if end == "reconnect":
        desk.log_on(5)
    assert list(replay) == []


def test_a_replay_of_another_epoch_never_begins() -> None:
    assert frames(mixed(), Replay(1, 5, 2, 1)) == []


def test_a_replay_goes_on_while_we_leave() -> None:
    desk = mixed()
    desk.do(desk.session.logout("", desk.clock.now()))
    assert desk.session.phase is Phase.LOGOUT_SENT
    assert len(frames(desk, Replay(3, 4, 1, 1))) == 2


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (("16=0",), "58=Required tag missing|371=7|372=2|373=1"),
        (("7=1",), "58=Required tag missing|371=16|372=2|373=1"),
        (("7=x", "16=0"), "58=Incorrect data format for value|371=7|372=2|373=6"),
        (("7=", "16=0"), "58=Tag specified without a value|371=7|372=2|373=4"),
        (("7=0", "16=0"), "58=Value is incorrect (out of range) for this tag|371=7|372=2|373=5"),
        (("7=6", "16=0"), "58=Value is incorrect (out of range) for this tag|371=7|372=2|373=5"),
        (("7=4", "16=3"), "58=Value is incorrect (out of range) for this tag|371=16|372=2|373=5"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(fields: tuple[str, ...], fault: str) -> None:
    desk = mixed()
    assert desk.say("2", 4, *fields) == [f"35=3|34=6|45=4|{fault}"]
    assert desk.session.next_in == 5
    assert bool(desk.heard(Alarm)) is (fields[0] in ("7=0", "7=6"))


def test_a_large_request_is_served_with_an_alarm() -> None:
    desk = Desk(numbers=SeqNums(1, 50, 1), max_resend=10)
    desk.log_on(1)
    assert desk.say("2", 2, "7=41", "16=0") == [fill(41, 51)]
    assert desk.heard(Alarm) == []
    assert desk.say("2", 3, "7=40", "16=0") == [fill(40, 51)]
    assert len(desk.heard(Alarm)) == 1


def test_a_request_beyond_the_limit_ends() -> None:
    desk = Desk(numbers=SeqNums(1, 50, 1), resend_limit=10)
    desk.log_on(1)
    sent = desk.say("2", 2, "7=40", "16=0")
    assert sent == ["35=5|34=51|58=ResendRequest for 11 messages, the limit is 10"]
    assert len(desk.heard(Alarm)) == 1
    assert desk.code is CloseCode.RESEND_LIMIT


class TestOneAtATime:
    """A number is sent again once for all the requests that came before it left."""

    def asked(self, desk: Desk, number: int, begin: int, end: int) -> list[Replay]:
        """Return what a request adds to what is to be sent again."""
        outcome = desk.session.receive(desk.frame("2", number, f"7={begin}", f"16={end}"), desk.clock.now())
        return [step for step in outcome.steps if isinstance(step, Replay)]

    def ten(self) -> Desk:
        """Return a desk that sent a Logon and the application messages 2 to 10."""
        desk = Desk.on()
        for number in range(2, 11):
            desk.send("D", (11, str(number)))
        return desk

    def test_a_request_for_what_is_on_its_way_adds_nothing(self) -> None:
        desk = self.ten()
        assert self.asked(desk, 2, 3, 8) == [Replay(3, 8, 1, 1)]
        assert self.asked(desk, 3, 3, 8) == []
        assert self.asked(desk, 4, 4, 7) == []

    def test_it_adds_what_the_other_leaves_out(self) -> None:
        desk = self.ten()
        self.asked(desk, 2, 4, 6)
        assert self.asked(desk, 3, 2, 0) == [Replay(2, 3, 1, 1), Replay(7, 10, 1, 1)]
        assert self.asked(desk, 4, 1, 0) == [Replay(1, 1, 1, 1)]

    def test_what_has_left_is_sent_again_when_it_is_asked_for_again(self) -> None:
        desk = self.ten()
        (plan,) = self.asked(desk, 2, 3, 8)
        replay = desk.session.replay(plan, desk.store.read(3, 8), desk.clock.now)
        assert [next(replay).msg_seq_num for _ in range(3)] == [3, 4, 5]
        assert self.asked(desk, 3, 2, 9) == [Replay(2, 5, 1, 1), Replay(9, 9, 1, 1)]
        assert [item.msg_seq_num for item in replay] == [6, 7, 8]
        assert self.asked(desk, 4, 3, 8) == [Replay(6, 8, 1, 1)]

    def test_once_it_is_through_all_can_be_asked_for_again(self) -> None:
        desk = self.ten()
        for number in range(2, 6):
            (plan,) = self.asked(desk, number, 1, 0)
            assert plan == Replay(1, 10, 1, 1)
            assert len(frames(desk, plan)) == 10

    def test_one_that_ends_with_a_fill_is_through_as_well(self) -> None:
        desk = mixed()
        for number in (4, 5):
            (plan,) = self.asked(desk, number, 4, 5)
            assert frames(desk, plan) == [again(4, "b"), fill(5, 6)]

    def test_the_next_connection_begins_with_nothing_on_its_way(self) -> None:
        desk = self.ten()
        self.asked(desk, 2, 1, 0)
        desk.do(desk.session.lost(desk.clock.now()))
        desk.log_on(3)
        assert self.asked(desk, 4, 1, 5) == [Replay(1, 5, 1, 2)]


@given(
    st.tuples(st.integers(1, 30), st.integers(1, 30)).map(lambda pair: (min(pair), max(pair))),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6)), max_size=6),
)
def test_a_range_without_others_is_what_none_of_them_holds(
    wanted: tuple[int, int], starts: list[tuple[int, int]]
) -> None:
    taken = [(first, first + more) for first, more in starts]
    left = without(wanted, taken)
    numbers = [number for first, last in left for number in range(first, last + 1)]
    assert numbers == [
        number
        for number in range(wanted[0], wanted[1] + 1)
        if not any(first <= number <= last for first, last in taken)
    ]
    assert all(first <= last for first, last in left)

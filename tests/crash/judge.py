"""The verdict: the venue's ledger and message log against the tape and the gateway's book."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fixgw.fix.message import Message
from fixgw.handlers.holdings import Holdings
from fixgw.handlers.order import Ending, Order
from fixgw.records import Flag, Kind, Record
from fixgw.sim.compare import differences, position_differences
from fixgw.sim.messagelog import LoggedFrame
from fixgw.sim.orders import State
from fixgw.sim.venue import Simulator
from fixgw.store.reader import records

RESENT_BY_POLICY = frozenset({"F"})  # a cancel may be repeated, however old


@dataclass(frozen=True)
class Tape:
    """What a gateway's tape proves.

    Args:
        sent: ClOrdIDs of new orders, in order.
        reported: ExecIDs and ClOrdIDs of the reports that a handler has to see.
        numbers: (epoch, MsgSeqNum) of everything sent first, in order.
        trades: ExecIDs of the trades that were reported.
    """

    sent: list[str]
    reported: list[tuple[str, str]]
    numbers: list[tuple[int, int]]
    trades: set[str]

    @classmethod
    def read(cls, path: Path) -> Tape:
        """Read a tape, which may be in use or have a torn tail."""
        tape = cls([], [], [], set())
        for record in records(path):
            if record.kind == Kind.FRAME and not record.flags & (Flag.POSS_DUP | Flag.GARBLED):
                tape._take(record)
        return tape

    def _take(self, record: Record) -> None:
        message = Message.decode(record.payload)
        if record.flags & Flag.OUTBOUND:
            self.numbers.append((record.epoch, record.msg_seq_num))
            if message.msg_type == "D":
                self.sent.append(message.text(11) or "")
        elif message.msg_type == "8":
            self.reported.append((message.text(17) or "", message.text(11) or ""))
            if message.text(150) == "F":
                self.trades.add(message.text(17) or "")

    @property
    def unanswered(self) -> set[str]:
        """Orders without any report."""
        return set(self.sent) - {cl_ord_id for _, cl_ord_id in self.reported}


@dataclass(frozen=True)
class Case:
    """Everything there is to judge.

    Args:
        venue: the simulator.
        session: the session's name there.
        tape: after the last clean stop.
        orders: the book of a gateway on that tape.
        positions: those of that gateway.
        submitted: ClOrdIDs whose submit had returned.
        handled: ExecIDs that the handler has told.
        connections: how many connections the venue had seen at the end of each process, oldest first.
        retransmission: what was missed came again.
    """

    venue: Simulator
    session: str
    tape: Tape
    orders: list[Order]
    positions: Holdings
    submitted: list[str]
    handled: set[str]
    connections: list[int]
    retransmission: bool

    def faults(self) -> list[str]:
        """Return a sentence for every broken promise."""
        return [f"{rule.__name__}: {text}" for rule in RULES for text in rule(self)]

    def process_of(self, connection: int) -> int:
        """Return the number of the process, from 0, that made a connection."""
        return bisect_left(self.connections, connection)

    def arrived(self, msg_type: str) -> list[LoggedFrame]:
        """Return what the venue has received."""
        return self.venue.log.of(self.session, msg_type, outbound=False)


def run_name(process: int) -> str:
    """Return what the ClOrdIDs of a process begin with."""
    return f"r{process:03d}"


def no_number_is_used_twice(case: Case) -> Iterator[str]:
    """Neither at the venue, in both directions, nor on our tape."""
    yield from map(str, case.venue.log.reused_numbers())
    yield from map(str, _repeated(case.tape.numbers))


def no_cl_ord_id_is_used_twice(case: Case) -> Iterator[str]:
    """PossDup frames apart, and those of orders that never arrived."""
    yield from map(str, case.venue.log.duplicate_cl_ord_ids())
    yield from map(str, _repeated(case.tape.sent))


def no_order_executes_late(case: Case) -> Iterator[str]:
    """An order arrives on a connection of the process that submitted it, or never."""
    for frame in case.arrived("D"):
        process, cl_ord_id = case.process_of(frame.connection), frame.get(11) or ""
        if not cl_ord_id.startswith(run_name(process)):
            yield f"{cl_ord_id} came on connection {frame.connection} of process {process}"
    logons = {frame.connection: frame.get(52) or "" for frame in case.arrived("A")}
    for frame in case.venue.log.of(case.session, outbound=False):
        first_sent = frame.get(122)
        old = first_sent is not None and first_sent < logons[frame.connection]
        if old and frame.msg_type not in RESENT_BY_POLICY | {"4"}:
            yield f"{frame.msg_type} of {first_sent} was repeated at {frame.get(52)}"


def every_order_has_an_ending(case: Case) -> Iterator[str]:
    """One of the four; and unknown only where nothing can be asked for again."""
    for order in case.orders:
        for request in (order.request, *order.pending.values()):
            if request.ending is None:
                yield f"{request} of {order.cl_ord_id} has no ending"
            elif request.ending is Ending.UNKNOWN and case.retransmission:
                yield f"{request} of {order.cl_ord_id} is not resolved"


def no_order_is_forgotten_or_invented(case: Case) -> Iterator[str]:
    """The book holds what the tape holds, and the tape what was submitted."""
    known = {order.chain[0] for order in case.orders}
    for cl_ord_id in {*case.submitted, *case.tape.sent} - known:
        yield f"{cl_ord_id} was submitted and is not in the book"
    for cl_ord_id in known - set(case.tape.sent):
        yield f"{cl_ord_id} is in the book and not on the tape"


def every_report_reaches_the_handler(case: Case) -> Iterator[str]:
    """At least once, however often the process died over it."""
    yield from {exec_id for exec_id, _ in case.tape.reported} - case.handled


def the_ledger_agrees(case: Case) -> Iterator[str]:
    """Every ending, state and quantity; without retransmission as far as reports arrived."""
    if case.retransmission:
        yield from differences(case.venue.ledger, case.session, [order.snapshot() for order in case.orders])
        return
    entered_there = [o for o in case.venue.ledger.orders.values() if o.terms.owner.session == case.session]
    at_venue = {name: o for o in entered_there for name in (o.terms.cl_ord_id, *o.cl_ord_ids)}
    for order in case.orders:
        entered = at_venue.get(order.chain[0])
        refused = entered is not None and entered.state is State.REJECTED
        if order.ending is Ending.ACKNOWLEDGED and (entered is None or refused):
            yield f"{order.cl_ord_id} is acknowledged, and the venue does not have it"
        if order.ending is Ending.REFUSED and not refused:
            yield f"{order.cl_ord_id} is refused, and the venue did not refuse it"
        if order.ending is Ending.NOT_SENT and entered is not None:
            yield f"{order.cl_ord_id} is said not to have left, and the venue has it"
        if order.ending is Ending.UNKNOWN and order.chain[0] not in case.tape.unanswered:
            yield f"{order.cl_ord_id} is unknown, and a report about it is on the tape"


def every_trade_counts_once(case: Case) -> Iterator[str]:
    """Positions, fees and profit are the ledger's; without retransmission they miss what the tape misses."""
    if case.positions.counted != len(case.tape.trades):
        yield f"{case.positions.counted} trades were counted, {len(case.tape.trades)} are on the tape"
    if case.retransmission:
        owners = (order.terms.owner for order in case.venue.ledger.orders.values())
        account = next(owner.account for owner in owners if owner.session == case.session)
        yield from position_differences(case.venue.ledger, account, case.positions.snapshot())


def _repeated(items: Iterable[object]) -> list[object]:
    return [item for item, times in Counter(items).items() if times > 1]


RULES: tuple[Callable[[Case], Iterator[str]], ...] = (
    no_number_is_used_twice,
    no_cl_ord_id_is_used_twice,
    no_order_executes_late,
    every_order_has_an_ending,
    no_order_is_forgotten_or_invented,
    every_report_reaches_the_handler,
    the_ledger_agrees,
    every_trade_counts_once,
)

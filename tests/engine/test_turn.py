"""One turn: what came in, the handlers, one append, one write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fixgw.errors import EncodeError, LocalError, NotLoggedOn, Reject
from fixgw.fix.message import Message
from fixgw.handlers.base import Context
from fixgw.messages.order_entry import ExecutionReport
from fixgw.records import Flag, Kind, Record
from fixgw.session.hooks import LogonContext
from fixgw.session.outcome import CloseCode, CloseReason
from fixgw.session.verdict import Accept
from fixgw.store.memory import MemoryStore
from fixgw.transport.memory import MemoryTransport
from tests.engine.orders import Acknowledging, new_order, report, types
from tests.engine.rig import THEM, US, Recorder, joined, no_retransmission, standing


class Trace(MemoryStore):
    """A store that notes each commit, beside what else a test notes."""

    def __init__(self) -> None:
        super().__init__()
        self.trace: list[str] = []

    def commit(self, records: Sequence[Record]) -> None:
        super().commit(records)
        frames = [record for record in records if record.kind == Kind.FRAME]
        told = "".join((">" if r.flags & Flag.OUTBOUND else "<") + types(r.payload) for r in frames)
        if told:
            self.trace.append(f"commit {told}")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Trace:
    """Return a store that also notes the initiator's writes."""
    made = Trace()
    write = MemoryTransport.write

    def noting(stream: MemoryTransport, data: bytes) -> None:
        if stream.get_extra_info("peername") == "them":
            made.trace.append(f"write {types(data)}")
        write(stream, data)

    monkeypatch.setattr(MemoryTransport, "write", noting)
    return made


class Replying:
    """Answers each report with two messages."""

    def __init__(self, trace: list[str]) -> None:
        self.trace = trace

    def on_execution_report(self, received: ExecutionReport, ctx: Context) -> None:
        self.trace.append(f"handler {received.exec_id}")
        ctx.session.send(Message("B", [(148, "one")]))
        ctx.session.send(Message("B", [(148, "two")]))


async def test_a_turn_is_one_append_and_one_write(store: Trace) -> None:
    async with joined(handler=Replying(store.trace), store=lambda: store) as rig:
        store.trace.clear()
        rig.them.link.send(report("x", exec_id="E-1"))
        rig.them.link.send(report("x", exec_id="E-2"))  # gathered: arrives with the first
        await rig.settle()
        assert store.trace == ["handler E-1", "handler E-2", "commit <8<8>B>B>B>B", "write BBBB"]
        assert len(rig.them.handler.messages) == 4
        assert rig.us.snapshot().turns.count >= 2


async def test_what_the_peer_can_not_send_again_is_committed_before_the_handler_sees_it(store: Trace) -> None:
    us, them = no_retransmission(US), no_retransmission(THEM)
    async with joined(us, them, handler=Replying(store.trace), store=lambda: store) as rig:
        store.trace.clear()
        rig.them.link.send(report("x", exec_id="E-1"))
        rig.them.link.send(report("x", exec_id="E-2"))
        await rig.settle()
        assert store.trace == ["commit <8<8", "handler E-1", "handler E-2", "commit >B>B>B>B", "write BBBB"]


async def test_a_stream_may_read_into_the_buffer_of_the_link() -> None:
    async with joined(handler=(handler := Recorder())) as rig:
        for text in ("one", "two"):
            frame = rig.them.link.session.send(Message("B", [(148, text)]), rig.clock.now()).payload
            rig.link.get_buffer(-1)[: len(frame)] = frame
            rig.link.buffer_updated(len(frame))
        assert [message.text(148) for message in handler.messages] == ["one", "two"]


async def test_the_first_send_of_an_iteration_leaves_at_once_and_the_others_together(store: Trace) -> None:
    async with joined(store=lambda: store) as rig:
        store.trace.clear()
        for number in range(3):
            rig.us.send(Message("B", [(148, str(number))]))
        assert store.trace == ["commit >B", "write B"]
        await asyncio.sleep(0)
        assert store.trace == ["commit >B", "write B", "commit >B>B", "write BB"]
        rig.us.send(Message("B", [(148, "next iteration")]))
        assert store.trace[4:] == ["commit >B", "write B"]


async def test_a_turn_between_takes_along_what_was_gathered(store: Trace) -> None:
    async with joined(store=lambda: store) as rig:
        store.trace.clear()
        rig.us.send(Message("B", [(148, "at once")]))
        rig.us.send(Message("B", [(148, "gathered")]))
        rig.link.tick()
        await rig.settle()
        assert store.trace == ["commit >B", "write B", "commit >B", "write B"]


async def test_every_kind_of_message_can_be_sent() -> None:
    plain = Message("B", [(148, "simplefix")]).to_simplefix()
    async with joined() as rig:
        first = rig.us.send(plain)
        assert rig.us.send(new_order(cl_ord_id="typed")) == first + 1
        await rig.us.flushed()
        await rig.settle()
        assert [m.msg_type for m in rig.them.handler.messages] == ["B", "D"]


class Stamping:
    """Stamps orders and refuses one of them."""

    def before_send(self, message: Message) -> None:
        if message.text(11) == "wrong":
            raise LocalError("over the limit")
        message.append(58, "stamped")


async def test_before_send_stamps_or_refuses() -> None:
    async with joined(handler=Stamping()) as rig:
        expected = rig.link.session.next_out
        with pytest.raises(LocalError, match="over the limit"):
            await rig.gateway.orders.submit(new_order(cl_ord_id="wrong"))
        assert rig.link.session.next_out == expected
        assert rig.gateway.orders.get("wrong") is None
        await rig.gateway.orders.submit(new_order(cl_ord_id="right"))
        await rig.settle()
        [received] = rig.them.handler.messages
        assert (received.text(11), received.text(58)) == ("right", "stamped")


async def test_a_message_that_can_not_stand_uses_no_number() -> None:
    async with joined() as rig:
        expected = rig.link.session.next_out
        with pytest.raises(EncodeError):
            rig.us.send(Message.of([b"35=B", b"148=a\x01b"]))
        with pytest.raises(LocalError):
            rig.us.send(Message("0"))
        assert rig.link.session.next_out == expected


async def test_nothing_is_sent_while_the_session_closes() -> None:
    async with joined() as rig:
        rig.link.stop(CloseReason(CloseCode.STOPPED, "test"))
        assert not rig.us.active
        with pytest.raises(NotLoggedOn, match="is closing"):
            rig.us.send(Message("B", [(148, "late")]))


class Refusing:
    """Refuses what comes, with what a test gives it."""

    def __init__(self, reject: Exception) -> None:
        self.reject = reject

    def on_message(self, message: Message, ctx: Context) -> None:
        raise self.reject


class RefusingLater(Refusing):
    """The same, in a task."""

    async def on_message(self, message: Message, ctx: Context) -> None:  # type: ignore[override]
        await asyncio.sleep(0.001)
        raise self.reject


SESSION_LEVEL = Reject(5, "no such symbol", ref_tag=55)
BUSINESS = Reject(2, "unknown security", business=True, ref_id="ref")


@pytest.mark.parametrize("handler", [Refusing, RefusingLater])
@pytest.mark.parametrize(
    ("reject", "msg_type", "fields"),
    [
        (SESSION_LEVEL, "3", {371: "55", 373: "5", 372: "B", 58: "no such symbol"}),
        (BUSINESS, "j", {380: "2", 372: "B", 379: "ref", 58: "unknown security"}),
    ],
)
async def test_a_reject_out_of_a_handler_answers_the_peer(
    handler: type[Refusing], reject: Reject, msg_type: str, fields: dict[int, str]
) -> None:
    store = MemoryStore()
    async with joined(handler=handler(reject), store=lambda: store) as rig:
        number = rig.them.link.send(Message("B", [(148, "news")]))
        await asyncio.sleep(0.01)
        answer = _last_outbound(store)
        assert answer.msg_type == msg_type
        assert {tag: answer.text(tag) for tag in fields} == fields
        assert answer[45] == b"%d" % number
        assert rig.us.snapshot().handlers.errors == 0


def _last_outbound(store: MemoryStore) -> Message:
    frames = [r for r in store.records if r.kind == Kind.FRAME and r.flags & Flag.OUTBOUND]
    return Message.decode(frames[-1].payload)


class Password:
    """Proves who we are with a secret."""

    secret_tags = frozenset({554})

    def logon_fields(self, context: LogonContext) -> Sequence[tuple[int, str | bytes]]:
        return [(554, "very-secret")]


async def test_a_secret_goes_over_the_wire_and_to_no_other_place(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    ours, judged = MemoryStore(), []

    def judge(message: Message) -> Accept:
        judged.append(message.text(554))
        return Accept()

    async with standing(replace(THEM, signer=Password())) as (network, party):
        party.verdict = judge
        peer = (network, party)
        async with joined(replace(US, signer=Password()), store=lambda: ours, peer=peer) as rig:
            assert judged == ["very-secret"]
            theirs = rig.them.link.store
            assert isinstance(theirs, MemoryStore)
            kept = [r for r in ours.records + theirs.records if b"\x0135=A\x01" in r.payload]
            assert len(kept) == 4
            assert all(b"554=***********\x01" in r.payload and r.flags & Flag.REDACTED for r in kept)
            assert "very-secret" not in caplog.text + rig.gateway.snapshot().to_json()


async def test_a_peer_that_leaves_ends_the_connection_and_it_is_dialled_again() -> None:
    async with joined() as rig:
        rig.network.cut()
        await asyncio.sleep(0.1)
        assert rig.us.active
        assert rig.us.snapshot().connections == 2


async def test_bytes_are_counted_both_ways() -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        await (await rig.gateway.orders.submit(new_order())).acknowledged(timeout=1)
        ours, theirs = rig.us.snapshot(), rig.them.link
        assert (ours.bytes_out, ours.bytes_in) == (theirs.bytes_in, theirs.outbox.bytes_out)


async def test_any_chunks_give_the_same_messages() -> None:
    async with joined(chunk_seed=7, their_handler=Acknowledging()) as rig:
        orders = [await rig.gateway.orders.submit(new_order()) for _ in range(20)]
        await asyncio.gather(*(order.acknowledged(timeout=5) for order in orders))
        assert [order.state for order in orders] == ["new"] * 20


class Chatty(Acknowledging):
    """Sends as soon as the session is up."""

    def on_logon(self, ctx: Context) -> None:
        ctx.session.send(Message("B", [(148, "hello")]))


async def test_what_is_sent_on_logon_joins_the_turn_of_the_logon(store: Trace) -> None:
    async with joined(handler=Chatty(), store=lambda: store) as rig:
        await rig.settle()
        assert store.trace[-2:] == ["commit <A>B", "write B"]
        assert [m.text(148) for m in rig.them.handler.messages] == ["hello"]


async def test_the_snapshot_tells_the_life_of_a_session() -> None:
    async with joined(their_handler=Acknowledging()) as rig:
        await (await rig.gateway.orders.submit(new_order())).acknowledged(timeout=1)
        view: dict[str, Any] = rig.gateway.snapshot().to_dict()["sessions"]["us"]
        assert view["active"] is True
        assert view["store"] == {"kind": "memory", "sync": "os", "full": False, "path": ""}
        assert view["queues"] == {"handlers": 0, "writer": 0}
        assert (view["orders"]["open"], view["orders"]["in_flight"]) == (1, 0)
        assert view["acks"]["count"] == 1
        assert view["supervisor"]["state"] == "running"

"""Sessions that peers open, run by a gateway, and the hours in which they are served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fixgw.engine.acceptor import Acceptor
from fixgw.engine.acceptor_settings import AcceptorPlan, AcceptorSession
from fixgw.engine.gateway import Gateway
from fixgw.engine.settings import RetrySettings
from fixgw.engine.timetable import Timetable
from fixgw.errors import ConfigError, Killed, LocalError
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.values import sending_time
from fixgw.session.verdict import Answer, Refuse, Verdict
from fixgw.store.memory import MemoryStore
from fixgw.transport.base import Peer
from fixgw.transport.listen import ListenSettings
from fixgw.transport.memory import MemoryNetwork
from tests.engine.orders import new_order
from tests.engine.rig import THEM, US, Recorder, plan_for, settle, the_clock
from tests.engine.test_hours import AT_THREE, HOUR, OPEN_LATER, OPEN_TODAY
from tests.engine.test_reception import Client, frame, logon

QUIET = replace(US, heart_bt_int=600)
PATIENT = RetrySettings(base_seconds=300.0, cap_seconds=300.0)


def serving(timetable: Timetable | None = None, handler: object | None = None) -> AcceptorPlan:
    session = AcceptorSession(THEM, MemoryStore, handler=handler, kind="session", timetable=timetable)
    return AcceptorPlan(ListenSettings(), [session])


def reached(gateway: Gateway) -> MemoryNetwork:
    """Return a network on which the gateway's one acceptor is ``them``."""
    (acceptor,) = gateway._acceptors
    network = MemoryNetwork()
    network.listen("them", acceptor._reception.protocol)
    return network


@asynccontextmanager
async def joined(
    timetable: Timetable | None = None, theirs: Timetable | None = None
) -> AsyncIterator[tuple[Gateway, Gateway, Recorder]]:
    """Run a gateway that serves, and one that dials it and waits for nobody."""
    handler = Recorder()
    async with Gateway([], clock=the_clock(), acceptors=[serving(timetable, handler)]) as server:
        plan = plan_for(reached(server).connector("them"), QUIET, retry=PATIENT)
        plan = replace(plan, timetable=theirs)
        async with Gateway([plan], clock=the_clock(), wait="none", drain_timeout=0.2) as client:
            yield server, client, handler


async def test_a_gateway_serves_and_shows_sessions_that_peers_open() -> None:
    async with joined() as (server, client, handler):
        await client["us"].logged_on()
        client["us"].send(Message("B", [(148, "to them")]))
        server.served["them"].send(Message("B", [(148, "to us")]))
        await settle()
        assert [message.get(148) for message in handler.messages] == [b"to them"]
        view = server.snapshot().sessions["them"]
        assert (view.kind, view.active, view.supervisor.state) == ("session", True, "running")
        assert view.supervisor.host.startswith("127.0.0.1:")
        assert view.session.next_in == client["us"].link.session.next_out


async def test_a_session_that_its_peer_opens_is_logged_out_and_opened_again() -> None:
    async with joined() as (server, client, handler):
        await client["us"].logged_on()
        await server.reconnect("them")
        await client["us"].link.ended()
        await client["us"].logged_on()
        assert handler.events == ["logon", "logout", "disconnect logout", "logon"]


async def test_only_the_peer_logs_on() -> None:
    async with joined() as (server, client, _):
        await client.logout("us")
        assert server.snapshot().sessions["them"].supervisor.state == "listening"
        with pytest.raises(LocalError, match="it is for the peer to log on"):
            await server.logon("them")
        await server.logout("them")  # it is out


async def test_the_numbers_of_a_session_that_its_peer_opens_are_set_while_it_is_out() -> None:
    async with joined() as (server, client, _):
        await client["us"].logged_on()
        with pytest.raises(LocalError, match="log out first"):
            await server.set_numbers("them", 9, None, "test")
        await client.logout("us")
        await server.set_numbers("them", None, 9, "test")
        assert server.served["them"].session.next_out == 9
        await server.reset("them", "test")
        assert server.served["them"].session.next_out == 1


async def test_a_session_that_its_peer_opens_is_not_among_those_that_are_dialled() -> None:
    async with joined() as (server, _, _handler):
        assert server.sessions == []
        with pytest.raises(LocalError, match="them is opened by its peer: find it in `served`"):
            server["them"]


def test_names_are_unique_over_both_sides() -> None:
    plan = plan_for(MemoryNetwork().connector("x"), replace(US, name="them"))
    with pytest.raises(ConfigError, match="two sessions are named 'them'"):
        Gateway([plan], acceptors=[serving()])


async def test_leaving_logs_the_peers_out_and_sends_them_nothing_new() -> None:
    async with joined() as (server, client, handler):
        await client["us"].logged_on()
        await server.drain()
        assert not server.served["them"].active
        await server.__aexit__(None, None, None)
        assert handler.events[-2:] == ["logout", "disconnect logout"]
        assert server.served == {}


# -- hours --


async def test_a_logon_outside_the_hours_is_closed_without_a_word() -> None:
    async with joined(Timetable(OPEN_LATER)) as (server, client, _):
        await asyncio.sleep(600)
        assert client["us"].snapshot().connections > 0
        assert server.served["them"].connections == 0
        await asyncio.sleep(2 * HOUR)
        assert server.served["them"].connections == 1  # from 16:00 on


async def test_peers_are_logged_out_at_the_end_of_the_hours() -> None:
    async with joined(Timetable(OPEN_TODAY)) as (server, client, handler):
        await client["us"].logged_on()
        await asyncio.sleep(2.5 * HOUR + 600)
        assert handler.events == ["logon", "logout", "disconnect logout"]
        await asyncio.sleep(21 * HOUR)
        assert server.served["them"].active
        server.served["them"].send(Message("B", [(148, "again")]))


async def test_a_new_period_begins_at_number_one_for_the_peer_too() -> None:
    hours = Timetable(OPEN_TODAY, reset=True)
    async with joined(hours, hours) as (server, client, _):
        await client["us"].logged_on()
        await asyncio.sleep(23.5 * HOUR - 60)
        assert server.served["them"].session.next_in > 2
        await client["us"].logged_on()
        await settle()
        assert server.served["them"].session.next_in == client["us"].link.session.next_out == 2


async def test_a_former_connection_that_does_not_end_keeps_no_period_from_beginning() -> None:
    async with Gateway([], clock=the_clock(), acceptors=[serving(Timetable(reset_times=AT_THREE))]) as server:
        network, link = reached(server), server.served["them"]
        old, new = Client(), Client()
        await asyncio.sleep(HOUR / 2 - 0.5)
        network.join("them", lambda: old)
        old.say(logon())
        await settle()
        old.stream.pause_reading()  # so that our Logout does not arrive, nor the end
        old.say(frame("5", link.session.next_in))
        await asyncio.sleep(1.0)
        assert (link.connected, link.occupied) == (True, False)
        network.join("them", lambda: new)
        new.say(logon())
        await settle()
        assert (link.active, link.session.next_in) == (True, 2)


async def test_a_peer_that_counts_on_after_a_new_period_is_asked_for_what_is_missing() -> None:
    async with joined(Timetable(OPEN_TODAY, reset=True)) as (server, client, _):
        await client["us"].logged_on()
        await asyncio.sleep(24 * HOUR)
        assert "MsgSeqNum too low: this side expects" in client["us"].why  # the two have to agree on periods
        assert server.served["them"].session.tally.resend_requests_out == 1


async def test_the_served_side_resets_the_numbers_inside_the_session() -> None:
    async with joined(Timetable(reset_times=AT_THREE)) as (server, client, _):
        await client["us"].logged_on()
        epoch = server.served["them"].epoch
        await asyncio.sleep(HOUR / 2 + 1)
        assert (server.served["them"].connections, server.served["them"].epoch) == (1, epoch + 1)
        assert client["us"].link.session.next_out == server.served["them"].session.next_in == 2


class Doorman:
    """Refuses everybody, without a word but with a reason for the log."""

    async def authenticate(self, logon: Message, peer: Peer) -> Verdict:
        return Refuse(Answer.SILENT, "unknown key")


async def test_a_session_hears_nothing_of_a_refusal_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    plan = replace(serving(), authenticator=Doorman())
    async with Gateway([], clock=the_clock(), acceptors=[plan]) as server:
        client = Client()
        reached(server).join("them", lambda: client)
        client.say(logon())
        await asyncio.wait_for(client.lost, 5)
        assert (client.received, server.served["them"].connections) == (b"", 0)
    assert [
        getattr(record, "text", "") for record in caplog.records if record.msg == "credentials refused"
    ] == ["unknown key"]


async def test_a_logon_that_nobody_knows_is_told_by_its_identity(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway([], clock=the_clock(), acceptors=[serving()]) as server:
        client = Client()
        reached(server).join("them", lambda: client)
        stamp = sending_time(the_clock().now().utc_ns)
        client.say(FrameEncoder("FIXT.1.1", "\x1b[2J" + "U" * 99, "THEM").encode(Message("A"), 1, stamp))
        await asyncio.wait_for(client.lost, 5)
    (told,) = [record for record in caplog.records if "unknown identity" in record.message]
    assert told.__dict__["identity"] == "FIXT.1.1 \\x1b[2J" + "U" * 60 + " THEM"


async def test_the_end_of_a_peers_connection_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway([], clock=the_clock(), acceptors=[serving()]) as server:
        for hasty in (logon(), logon()):  # the second one says a number that was used
            client = Client()
            reached(server).join("them", [client].pop)
            client.say(hasty)
            await settle()
            client.stream.abort()
            await settle()
    told = [record.__dict__ for record in caplog.records if record.message == "connection ended"]
    assert [(detail["why"], detail["text"]) for detail in told] == [
        ("connection lost", "the peer reset the connection"),
        ("MsgSeqNum too low", "MsgSeqNum too low, expecting 2 but received 1"),
    ]


def test_an_acceptor_is_no_place_for_a_session_that_dials() -> None:
    with pytest.raises(ConfigError, match="role of an initiator"):
        Acceptor(AcceptorPlan(ListenSettings(), [AcceptorSession(US, MemoryStore)]))


async def test_a_kill_keeps_orders_back_on_sessions_that_peers_open() -> None:
    async with joined() as (server, client, _):
        await client["us"].logged_on()
        await server.kill("test")
        them = server.served["them"]
        with pytest.raises(Killed):
            them.send(new_order())
        them.send(Message("B", [(148, "to us")]))
        await server.release("test")
        them.send(new_order())

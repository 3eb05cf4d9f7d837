"""An acceptor over real sockets: many identities on one port, and who is let in."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from fixgw import Acceptor, AcceptorPlan, ConfigError, Context, LocalError, Message, StoreError
from fixgw.engine.acceptor_settings import AcceptorLimits, AcceptorSession, Authenticator
from fixgw.engine.settings import LinkSettings
from fixgw.records import Kind
from fixgw.session.state import Role, SessionSettings
from fixgw.session.verdict import Accept, Refuse, Verdict
from fixgw.store.memory import MemoryStore
from fixgw.transport.base import Peer, PeerCertificate
from fixgw.transport.listen import ListenSettings
from fixgw.transport.tls import server_context

from .peer import Pairs, TcpPeer, frame, logon

SETTINGS = SessionSettings("tw", Role.ACCEPTOR, "ISLD", "TW")


class Mirror:
    """Sends every message back."""

    def on_message(self, message: Message, ctx: Context) -> None:
        ctx.session.send(Message(message.msg_type, [(148, message.text(148) or "")]))


class Guard:
    """Judges by a rule, and remembers whom it saw."""

    def __init__(self, rule: Callable[[Message, Peer], Verdict]) -> None:
        self.rule = rule
        self.seen: list[tuple[Message, Peer]] = []

    async def authenticate(self, logon: Message, peer: Peer) -> Verdict:
        self.seen.append((logon, peer))
        await asyncio.sleep(0)
        return self.rule(logon, peer)


def session(
    settings: SessionSettings = SETTINGS, store: MemoryStore | None = None, link: LinkSettings | None = None
) -> AcceptorSession:
    kept = store or MemoryStore()
    return AcceptorSession(settings, lambda: kept, handler=Mirror(), link=link or LinkSettings())


def plan(
    *sessions: AcceptorSession,
    listen: ListenSettings | None = None,
    authenticator: Authenticator | None = None,
    newcomer: Callable[[Message], AcceptorSession | None] | None = None,
    **limits: float,
) -> AcceptorPlan:
    chosen = AcceptorLimits(**limits)  # type: ignore[arg-type]
    served = sessions or (session(),)
    return AcceptorPlan(listen or ListenSettings(), served, authenticator, newcomer, chosen)


def named(name: str, sender: str, begin_string: str = "FIXT.1.1") -> AcceptorSession:
    version = "9" if begin_string == "FIXT.1.1" else None
    return session(
        replace(
            SETTINGS,
            name=name,
            target_comp_id=sender,
            begin_string=begin_string,
            default_appl_ver_id=version,
        )
    )


async def logged_on(port: int, **identity: str) -> TcpPeer:
    peer = await TcpPeer.dial(port)
    await peer.say(logon(**identity))
    assert (await peer.hear()).msg_type == "A"
    return peer


async def test_sessions_on_one_port_are_told_apart_by_comp_ids_and_begin_string() -> None:
    plans = (named("one", "ONE"), named("two", "TWO"), named("old", "ONE", "FIX.4.4"))
    async with Acceptor(plan(*plans)) as acceptor:
        identities = {"one": ("ONE", "FIXT.1.1"), "two": ("TWO", "FIXT.1.1"), "old": ("ONE", "FIX.4.4")}
        for name, (sender, begin_string) in identities.items():
            peer = await logged_on(acceptor.port, sender=sender, begin_string=begin_string)
            acceptor[name].send(Message("B", [(148, name)]))
            news = await peer.hear()
            assert (news.text(148), news.text(56)) == (name, sender)
            await peer.say(frame("B", 2, (148, "back"), sender=sender, begin_string=begin_string))
            assert (await peer.hear()).text(148) == "back"
            peer.close()
        assert [link.name for link in acceptor.sessions] == ["one", "two", "old"]


@pytest.mark.parametrize(
    "said",
    [logon(sender="NOBODY"), logon(begin_string="FIX.4.2"), frame("A", 1, target="OTHER"), frame("0")],
    ids=["unknown sender", "unknown version", "unknown target", "no Logon"],
)
async def test_whoever_has_no_session_is_closed_without_a_word(said: bytes) -> None:
    async with Acceptor(plan()) as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(said)
        assert await peer.ended() == b""
        assert acceptor.pending == 0


async def test_a_second_logon_of_an_identity_is_closed_and_the_first_goes_on() -> None:
    async with Acceptor(plan()) as acceptor:
        first, second = await logged_on(acceptor.port), await TcpPeer.dial(acceptor.port)
        await second.say(logon())
        assert await second.ended() == b""
        await first.say(frame("1", 2, (112, "still there?")))
        assert (await first.hear()).text(112) == "still there?"
        first.close()


async def test_leaving_logs_sessions_out_and_closes_what_waits() -> None:
    store = MemoryStore()
    async with Acceptor(plan(session(store=store))) as acceptor:
        peer, stranger = await logged_on(acceptor.port), await TcpPeer.dial(acceptor.port)
        leaving = asyncio.ensure_future(acceptor.__aexit__())
        assert (await peer.hear()).msg_type == "5"
        await peer.say(frame("5", 2))
        await leaving
        assert await peer.ended() == await stranger.ended() == b""
    assert [record.kind for record in store.records][-1] == Kind.CHECKPOINT
    with pytest.raises(StoreError, match="not open"):
        store.commit([])
    with pytest.raises(LocalError, match="none is served"):
        acceptor["tw"]


async def test_leaving_does_not_wait_for_ever_for_a_peer_that_is_silent() -> None:
    quick = replace(SETTINGS, logout_timeout=0.05)
    async with Acceptor(plan(session(quick))) as acceptor:
        peer = await logged_on(acceptor.port)
        async with asyncio.timeout(2.0):
            await acceptor.__aexit__()
    peer.close()


@pytest.mark.parametrize(
    ("refusal", "answer"),
    [(Refuse.with_logout("no such desk"), "5"), (Refuse.with_reject(99, "no such desk"), "3")],
)
async def test_a_refusal_that_is_told_uses_no_number(refusal: Refuse, answer: str) -> None:
    store = MemoryStore()
    guard = Guard(lambda *_: refusal)
    async with Acceptor(plan(session(store=store), authenticator=guard)) as acceptor:
        acceptor["tw"].session.set_numbers(7, 9)
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon((141, True)))
        told = await peer.hear()
        assert (told.msg_type, told.text(58)) == (answer, "no such desk")
        assert await peer.ended() == b""
        state = acceptor["tw"].session
        assert (state.epoch, state.next_in, state.next_out) == (1, 7, 9)


async def test_a_refusal_without_a_word_never_reaches_the_session() -> None:
    store = MemoryStore()
    guard = Guard(lambda *_: Refuse.silently())
    async with Acceptor(plan(session(store=store), authenticator=guard)) as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon((141, True)))
        assert await peer.ended() == b""
        assert store.records == []


async def test_an_authenticator_that_fails_refuses_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    def broken(logon: Message, peer: Peer) -> Verdict:
        raise ConnectionError("the directory is down")

    async with Acceptor(plan(authenticator=Guard(broken))) as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon())
        assert await peer.ended() == b""
    assert any("the directory is down" in str(record.exc_info) for record in caplog.records)


async def test_a_password_is_in_no_log_when_it_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    guard = Guard(lambda *_: Refuse.with_logout("wrong password"))
    async with Acceptor(plan(authenticator=guard)) as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon((553, "desk"), (554, "very-secret")))
        assert b"wrong password" in await peer.ended()
        assert guard.seen[0][0].text(554) == "very-secret"
    assert "very-secret" not in caplog.text


def by_name(logon: Message) -> AcceptorSession | None:
    """Open a session for whoever the authenticator let in, but for TEMP."""
    sender = logon.text(49) or ""
    return None if sender == "TEMP" else named(sender.lower(), sender)


ANYBODY = Guard(lambda logon, _: Accept() if logon.text(554) == "open" else Refuse.with_logout("who?"))


async def test_a_newcomer_gets_a_session_once_its_credentials_are_accepted() -> None:
    async with Acceptor(plan(authenticator=ANYBODY, newcomer=by_name)) as acceptor:
        refused = await TcpPeer.dial(acceptor.port)
        await refused.say(logon(sender="NEW"))
        assert await refused.ended() == b""  # without a session there is nobody to answer in whose name
        unwanted = await TcpPeer.dial(acceptor.port)
        await unwanted.say(logon((554, "open"), sender="TEMP"))
        assert await unwanted.ended() == b""
        assert [link.name for link in acceptor.sessions] == ["tw"]
        for number in (1, 3):
            peer = await TcpPeer.dial(acceptor.port)
            fields: tuple[Pairs, ...] = ((98, "0"), (108, 30), (1137, "9"), (554, "open"))
            await peer.say(frame("A", number, *fields, sender="NEW"))
            assert (await peer.hear()).msg_seq_num == number
            await peer.say(frame("5", number + 1, sender="NEW"))
            await peer.ended()
        assert [link.name for link in acceptor.sessions] == ["tw", "new"]
        assert list(acceptor.snapshot()) == ["tw", "new"]


async def test_newcomers_are_counted() -> None:
    async with Acceptor(plan(authenticator=ANYBODY, newcomer=by_name, max_sessions=2)) as acceptor:
        for sender, let_in in (("ONE", True), ("TWO", False)):
            peer = await TcpPeer.dial(acceptor.port)
            await peer.say(logon((554, "open"), sender=sender))
            if let_in:
                assert (await peer.hear()).msg_type == "A"
                peer.close()
            else:
                assert await peer.ended() == b""


@pytest.mark.parametrize("made", [named("other", "OTHER"), named("tw", "NEW")])
async def test_a_newcomers_session_has_to_be_its_own(
    made: AcceptorSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with Acceptor(plan(authenticator=ANYBODY, newcomer=lambda _: made)) as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon((554, "open"), sender="NEW"))
        assert await peer.ended() == b""
        assert len(acceptor.sessions) == 1
    assert any("the session made for NEW" in str(record.exc_info) for record in caplog.records)


def test_newcomers_need_an_authenticator() -> None:
    with pytest.raises(ConfigError, match="whoever comes would be let in"):
        Acceptor(plan(newcomer=by_name))


async def test_an_acceptor_may_be_entered_again() -> None:
    acceptor = Acceptor(plan())
    for _ in range(2):
        async with acceptor:
            peer = await TcpPeer.dial(acceptor.port)
            await peer.say(logon((141, True)))
            assert (await peer.hear()).msg_type == "A"
            await peer.say(frame("5", 2))
            await peer.ended()


class Pki:
    """An authority, the acceptor's certificate, and clients of that authority."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        leaf = self._authority.issue_cert("localhost")
        self._authority.cert_pem.write_to_path(self.ca)
        leaf.private_key_pem.write_to_path(self.key)
        leaf.cert_chain_pems[0].write_to_path(self.cert)

    def listen(self, *, certificate_required: bool) -> ListenSettings:
        context = server_context(self.cert, self.key, self.ca, certificate_required=certificate_required)
        return ListenSettings(tls=context)

    def client(self, name: str = "", authority: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        if name:
            (authority or self._authority).issue_cert("desk.example", common_name=name).configure_cert(
                context
            )
        return context


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


async def test_a_certificate_can_stand_for_a_password(pki: Pki) -> None:
    def by_certificate(logon: Message, peer: Peer) -> Verdict:
        known = peer.certificate is not None and "CN=desk-1" in peer.certificate.subject
        return Accept() if known else Refuse.with_logout("show the certificate of desk-1")

    guard = Guard(by_certificate)
    listen = pki.listen(certificate_required=False)
    async with Acceptor(plan(listen=listen, authenticator=guard)) as acceptor:
        for context, answer in (
            (pki.client(), "5"),
            (pki.client("desk-2"), "5"),
            (pki.client("desk-1"), "A"),
        ):
            peer = await TcpPeer.dial(acceptor.port, context)
            await peer.say(logon())
            assert (await peer.hear()).msg_type == answer
            peer.close()
    none, other, known = (peer.certificate for _, peer in guard.seen)
    assert none is None
    assert isinstance(other, PeerCertificate)
    assert isinstance(known, PeerCertificate)
    assert len(known.sha256) == 64
    assert known.sha256 != other.sha256


async def test_a_refused_peer_that_does_not_hang_up_keeps_nobody_out(pki: Pki) -> None:
    guard = Guard(lambda logon, _: Accept() if logon.text(554) == "right" else Refuse.with_logout("no"))
    listen = pki.listen(certificate_required=False)
    async with Acceptor(plan(listen=listen, authenticator=guard)) as acceptor:
        stubborn = await TcpPeer.dial(acceptor.port, pki.client())
        stream = stubborn.writer.transport
        assert isinstance(stream, asyncio.Transport)
        stream.pause_reading()  # so it never sees the end, and TLS waits for its answer
        await stubborn.say(logon((554, "wrong")))
        while not acceptor["tw"].connections:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
        peer = await TcpPeer.dial(acceptor.port, pki.client())
        await peer.say(logon((554, "right")))
        assert (await peer.hear()).msg_type == "A"
        assert acceptor["tw"].active
        await peer.say(frame("1", 2, (112, "later")))
        assert (await peer.hear()).text(112) == "later"
        for other in (stubborn, peer):
            other.writer.transport.abort()


@pytest.mark.parametrize("stranger", [False, True])
async def test_without_a_certificate_that_is_demanded_nobody_comes_in(pki: Pki, stranger: bool) -> None:
    context = pki.client("desk-1", trustme.CA()) if stranger else pki.client()
    async with Acceptor(plan(listen=pki.listen(certificate_required=True))) as acceptor:
        peer = await TcpPeer.dial(acceptor.port, context)
        await peer.say(logon())
        assert await peer.ended() == b""
        assert acceptor.pending == 0


async def test_addresses_that_are_not_allowed_are_closed_at_the_accept(pki: Pki) -> None:
    elsewhere = replace(pki.listen(certificate_required=False), allow=(ip_network("192.0.2.0/24"),))
    async with Acceptor(plan(listen=elsewhere)) as acceptor:
        peer = await TcpPeer.dial(acceptor.port)  # without TLS: the close comes before any handshake
        assert await peer.ended() == b""
    here = ListenSettings(allow=(ip_network("2001:db8::/32"), ip_network("127.0.0.0/8")))
    async with Acceptor(plan(listen=here)) as acceptor:
        (await logged_on(acceptor.port)).close()


async def test_one_deadline_covers_handshake_logon_and_verdict(pki: Pki) -> None:
    class Slow:
        async def authenticate(self, logon: Message, peer: Peer) -> Verdict:
            await asyncio.sleep(60.0)
            return Accept()

    served = plan(listen=pki.listen(certificate_required=False), authenticator=Slow(), logon_timeout=0.3)
    async with Acceptor(served) as acceptor:
        begun = asyncio.get_running_loop().time()
        mute = await TcpPeer.dial(acceptor.port)
        idle = await TcpPeer.dial(acceptor.port, pki.client())
        judged = await TcpPeer.dial(acceptor.port, pki.client())
        await judged.say(logon())
        for peer in (mute, idle, judged):
            assert await peer.ended() == b""
        assert 0.25 < asyncio.get_running_loop().time() - begun < 3.0
        assert acceptor.pending == 0


async def test_the_surplus_of_strangers_is_closed_before_the_handshake(pki: Pki) -> None:
    served = plan(listen=pki.listen(certificate_required=False), max_pending_per_address=3)
    async with Acceptor(served) as acceptor:
        waiting = [await TcpPeer.dial(acceptor.port) for _ in range(3)]
        surplus = [await TcpPeer.dial(acceptor.port) for _ in range(2)]
        for peer in surplus:
            assert await peer.ended() == b""
        assert (acceptor.pending, acceptor.turned_away) == (3, 2)
        waiting[0].close()
        while acceptor.pending == 3:  # noqa: ASYNC110 - nobody tells when the loop has seen the end
            await asyncio.sleep(0.001)
        peer = await TcpPeer.dial(acceptor.port, pki.client())
        await peer.say(logon())
        assert (await peer.hear()).msg_type == "A"
        for other in (*waiting, peer):
            other.close()


async def test_a_peer_that_reads_nothing_is_cut_at_the_high_water_mark() -> None:
    served = plan(session(link=LinkSettings(outbound_limit=300_000)))
    async with Acceptor(served) as acceptor:
        peer = await logged_on(acceptor.port)
        link, sent = acceptor["tw"], 0
        ended = asyncio.ensure_future(link.ended())
        while link.active:
            link.send(Message("B", [(148, "x" * 10_000)]))
            sent += 10_000
            await asyncio.sleep(0)
        assert (await ended).reason.text == "the peer takes nothing"
        assert sent < 300_000 + 30_000_000  # what the kernel holds on both ends comes on top
        peer.close()


@pytest.mark.parametrize(
    ("sessions", "what"),
    [
        ((named("one", "ONE"), named("one", "TWO")), "two sessions are named 'one'"),
        ((named("one", "ONE"), named("two", "ONE")), "'one' and 'two' have one identity: FIXT.1.1 ONE ISLD"),
        ((session(replace(SETTINGS, role=Role.INITIATOR)),), "'tw' has the role of an initiator"),
    ],
)
def test_sessions_that_can_not_be_told_apart_are_an_error(
    sessions: tuple[AcceptorSession, ...], what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        Acceptor(plan(*sessions))


async def test_a_port_in_use_closes_the_stores_again() -> None:
    store = MemoryStore()
    async with Acceptor(plan()) as acceptor:
        other = Acceptor(plan(session(store=store), listen=ListenSettings(port=acceptor.port)))
        with pytest.raises(ConfigError, match="can not listen"):
            await other.__aenter__()
    assert store.load().fresh is False
    with pytest.raises(LocalError, match="does not listen"):
        assert other.port

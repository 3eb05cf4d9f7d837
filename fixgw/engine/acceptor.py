"""Serves sessions that peers open: one port, many identities, each with its own numbers and store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Self, TypeAlias

from fixgw.clock import Clock, SystemClock
from fixgw.engine.acceptor_settings import AcceptorPlan, AcceptorSession, Authenticator
from fixgw.engine.hours import begin_period, keep_serving
from fixgw.engine.link import Link
from fixgw.engine.reception import Admission, Judgement, Reception
from fixgw.engine.seldom import SeldomLog
from fixgw.engine.timetable import Timekeeper
from fixgw.engine.views import served_view
from fixgw.errors import ConfigError, LocalError
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.handlers.router import Router
from fixgw.observe.snapshot import SessionView
from fixgw.session.state import SessionSettings
from fixgw.session.verdict import Accept, Answer, Refuse, Verdict
from fixgw.transport.address import endpoint
from fixgw.transport.base import Peer
from fixgw.transport.listen import TcpListener, listen

log = logging.getLogger("fixgw.acceptor")

_SHOWN_CHARACTERS = 64  # of each part of an identity

Identity: TypeAlias = tuple[str, str, str]  # BeginString(8), SenderCompID(49), TargetCompID(56) of a Logon


class Acceptor:
    """Listens and serves sessions; use it as ``async with Acceptor(plan) as acceptor``.

    A Logon whose identity no session has, or whose session is logged on or closed, is closed without a word.

    Args:
        plan: where to listen, and the sessions.
        clock: the only source of time.

    Raises:
        ConfigError: a session is no acceptor's, two have the same name or the same identity, or newcomers
            are let in without an authenticator.
    """

    def __init__(self, plan: AcceptorPlan, *, clock: Clock | None = None) -> None:
        self.plan = plan
        self._clock = clock or SystemClock()
        if plan.newcomer is not None and plan.authenticator is None:
            raise ConfigError(
                "whoever comes would be let in: there is `newcomer` and no `authenticator`",
                remedy="give the plan an authenticator, or name its sessions",
            )
        self._names = _names(plan.sessions)
        self._links: dict[str, Link] = {}
        self._kinds: dict[str, str] = {}
        self._keepers: dict[str, Timekeeper] = {}
        self._keeping: list[asyncio.Future[None]] = []
        self._seldom = SeldomLog(log)
        self._reception = Reception(self._judge, plan.limits)
        self._listener: TcpListener | None = None
        self._stack: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        """Open the stores, hand what was not handled to the handlers, then listen.

        Raises:
            StoreError: a store can not be opened.
            ConfigError: the address can not be bound.
        """
        self._stack = AsyncExitStack()
        try:
            await self._stack.enter_async_context(self._serving())
            self._listener = await listen(self.plan.listen, self._reception.accept)
            self._stack.push_async_callback(self._listener.close)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *details: object) -> None:
        """Accept no more, log every session out, close its store."""
        if self._stack is not None:
            await self._stack.aclose()

    def __getitem__(self, name: str) -> Link:
        """Return the session with this name: ``send``, ``active``, ``logout`` and the rest."""
        try:
            return self._links[name]
        except KeyError:
            known = ", ".join(self._links) or "none is served"
            raise LocalError(f"no session is named {name!r}; there are: {known}") from None

    @property
    def sessions(self) -> list[Link]:
        """Every session, in the order of the plan."""
        return list(self._links.values())

    @property
    def port(self) -> int:
        """The port in use.

        Raises:
            LocalError: it does not listen.
        """
        if self._listener is None:
            raise LocalError("the acceptor does not listen: use it in `async with`")
        return self._listener.port

    @property
    def pending(self) -> int:
        """How many connections are without a Logon."""
        return self._reception.pending

    @property
    def turned_away(self) -> int:
        """How many connections were closed at the accept because too many had not logged on."""
        return self._reception.turned_away

    def begin_drain(self) -> None:
        """Send nothing new on any session from now on; cancels still go."""
        for keeping in self._keeping:
            keeping.cancel()  # they would let a session send again once its next hours begin
        for link in self._links.values():
            link.draining = True

    async def settled(self) -> None:
        """Wait until handlers have caught up."""
        await asyncio.gather(*(link.dispatcher.drain() for link in self._links.values()))

    def snapshot(self) -> dict[str, SessionView]:
        """Return what can be seen of each session now, by name."""
        settings = self.plan.listen
        host = endpoint(settings.host, self.port if self._listener is not None else settings.port)
        return {name: served_view(link, self._kinds[name], host) for name, link in self._links.items()}

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        self._names = _names(self.plan.sessions)
        self._reception = Reception(self._judge, self.plan.limits)
        try:
            for session in self.plan.sessions:
                self._links[session.session.name] = self._open(session)
            yield
            self._reception.close()
            await self._log_out()
        finally:
            for keeping in self._keeping:
                keeping.cancel()
            self._keeping.clear()
            with ExitStack() as closing:  # each is closed, whatever another one's end brings
                for link in self._links.values():
                    closing.callback(link.close)
                self._links = {}

    def _open(self, session: AcceptorSession) -> Link:
        keeper = Timekeeper(session.timetable, self._clock) if session.timetable is not None else None
        books = [keeper] if keeper is not None and keeper.timetable.resets else []
        router = Router(session.handler, session.messages, books)
        link = Link(session.session, session.store(), router, self._clock, session.link)
        if keeper is not None:
            self._keepers[link.name] = keeper
            self._keeping.append(asyncio.ensure_future(keep_serving(link, keeper)))
        self._kinds[link.name] = session.kind
        link.redeliver()
        return link

    async def _log_out(self) -> None:
        """Log every session out; one whose peer does not answer ends at its own ``logout_timeout``."""
        connected = [link for link in self._links.values() if link.connected]
        for link in connected:
            link.logout()
        await asyncio.gather(*(link.ended() for link in connected if link.connected))

    def _judge(self, logon: Message, peer: Peer) -> Judgement | Awaitable[Judgement]:
        link = self._links.get(self._names.get(identity_of(logon), ""))
        if link is None and self.plan.newcomer is None:
            identity = _shown(identity_of(logon))
            self._seldom.warning(
                "a Logon of an unknown identity was closed", peer=peer.address, identity=identity
            )
            return None
        if link is not None and link.occupied:
            self._seldom.warning("a second Logon was closed", session=link.name, peer=peer.address)
            return None
        if link is not None and link.name in self._keepers and not self._keepers[link.name].is_open:
            self._seldom.warning("a Logon outside the hours", session=link.name, peer=peer.address)
            return None
        if link is not None and (fault := link.session.silent_refusal(logon, self._clock.now())):
            self._seldom.warning("a Logon was refused", session=link.name, peer=peer.address, why=fault)
            return None
        if self.plan.authenticator is not None:
            return self._authenticate(self.plan.authenticator, logon, peer)
        assert link is not None
        return self._admission(link, Accept())

    async def _authenticate(self, authenticator: Authenticator, logon: Message, peer: Peer) -> Judgement:
        """The link hears nothing until the credentials are accepted, or their refusal is to be told."""
        verdict = await authenticator.authenticate(logon, peer)
        if isinstance(verdict, Refuse):
            identity = _shown(identity_of(logon))
            self._seldom.warning(
                "credentials refused", peer=peer.address, identity=identity, text=verdict.text
            )
            if verdict.answer is Answer.SILENT:
                return None
        link = self._links.get(self._names.get(identity_of(logon), ""))
        if link is None and isinstance(verdict, Accept):
            link = self._welcome(logon)
        return None if link is None else self._admission(link, verdict)

    def _admission(self, link: Link, verdict: Verdict) -> Admission:
        if link.name in self._keepers and isinstance(verdict, Accept):
            begin_period(link, self._keepers[link.name])
        return Admission(link, verdict)

    def _welcome(self, logon: Message) -> Link | None:
        """Open the session of a newcomer."""
        if len(self._links) >= self.plan.limits.max_sessions:
            self._seldom.warning(
                "a newcomer was closed: there are too many sessions", sessions=len(self._links)
            )
            return None
        made = self.plan.newcomer(logon) if self.plan.newcomer is not None else None
        if made is None:
            return None
        identity, names = identity_of(logon), _names([made])
        if identity not in names or made.session.name in self._links:
            raise ConfigError(
                f"the session made for {identity[1]} has another identity, or a name that is in use",
                made.session.name,
                "make its CompIDs, BeginString and name out of the Logon",
            )
        link = self._links[made.session.name] = self._open(made)
        self._names |= names
        return link


def identity_of(logon: Message) -> Identity:
    """Return what a Logon says of its session: BeginString(8), SenderCompID(49) and TargetCompID(56)."""
    begin_string = logon.frame[2 : logon.frame.index(b"\x01")].decode("latin-1")
    return begin_string, logon.text(tags.SENDER_COMP_ID) or "", logon.text(tags.TARGET_COMP_ID) or ""


def _shown(identity: Identity) -> str:
    """Return an identity as a log may hold it, whatever a stranger wrote into it."""
    return " ".join(ascii(part[:_SHOWN_CHARACTERS])[1:-1] for part in identity)


def _names(sessions: Iterable[AcceptorSession]) -> dict[Identity, str]:
    """Return the name of each session by the identities under which a peer may open it."""
    names: dict[Identity, str] = {}
    for session in sessions:
        settings = session.session
        if settings.initiator:
            raise ConfigError(
                f"session {settings.name!r} has the role of an initiator",
                remedy="give it Role.ACCEPTOR, or run it in a Gateway",
            )
        if settings.name in names.values():
            raise ConfigError(
                f"two sessions are named {settings.name!r}", remedy="give each session a name of its own"
            )
        for identity in _identities(settings):
            if identity in names:
                raise ConfigError(
                    f"sessions {names[identity]!r} and {settings.name!r} have one identity: "
                    + " ".join(identity),
                    remedy="let them differ in BeginString, SenderCompID or TargetCompID",
                )
            names[identity] = settings.name
    return names


def _identities(settings: SessionSettings) -> list[Identity]:
    theirs = settings.accepted_sender_comp_ids or {settings.target_comp_id}
    return [(settings.begin_string, name, settings.sender_comp_id) for name in sorted(theirs)]

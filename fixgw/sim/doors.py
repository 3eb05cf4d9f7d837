"""Who is let in at the venue: Logons are judged, and each session gets its link, store and rules."""

from __future__ import annotations

from collections.abc import Mapping

from fixgw.clock import Clock
from fixgw.engine.reception import Admission
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.handlers.router import Router
from fixgw.session.state import Role, SessionSettings
from fixgw.session.verdict import Refuse
from fixgw.sim.app import VenueApp
from fixgw.sim.faults import Faults, SessionFaults
from fixgw.sim.kinds import SessionKind
from fixgw.sim.logon import Gate, LogonFlags, judge
from fixgw.sim.messagelog import REFUSED, LoggedStore, MessageLog
from fixgw.sim.pki import ClientKey, KeyRegistry
from fixgw.sim.product import EVENTS, ProductRules
from fixgw.sim.rates import LogonLimiter
from fixgw.sim.retention import Retention
from fixgw.sim.venuelink import VenueHandler, VenueLink
from fixgw.store.memory import MemoryStore
from fixgw.transport.base import Peer

SENDING_TIME_WINDOW = 30.0


class Doors:
    """The sessions of a venue, and who may open one.

    Args:
        app: the venue's application.
        keys: the clients' keys by name; faults may name them so.
        faults: what happens on the way to the clients and back.
        log: sees every frame.
        clock: the venue's clock.
        limiter: how often a key may log on.
        rules: of the product that is traded.

    Attributes:
        registry: the API keys that the venue knows.
        links: its end of each session, by ``KalshiNR/<key id>``.
    """

    def __init__(
        self,
        app: VenueApp,
        keys: Mapping[str, ClientKey],
        faults: Faults,
        log: MessageLog,
        clock: Clock,
        limiter: LogonLimiter,
        rules: ProductRules = EVENTS,
    ) -> None:
        self.registry = KeyRegistry()
        self.links: dict[str, VenueLink] = {}
        self._app = app
        self._keys = keys
        self._faults = faults
        self._log = log
        self._clock = clock
        self._limiter = limiter
        self._rules = rules
        self._handlers: dict[str, VenueHandler] = {}
        self._retentions: dict[str, Retention] = {}

    def of_key(self, key_id: str) -> list[VenueLink]:
        """Return the venue's end of every session of an API key."""
        return [link for name, link in self.links.items() if key_of(name) == key_id]

    def receive(self, kind: SessionKind, logon: Message, peer: Peer) -> Admission | None:
        """Judge a Logon before any session is touched: a refused one meets a link made for the refusal."""
        gate = Gate(
            kind,
            self.registry,
            self._live(kind),
            self._clock.now().utc_ns,
            self._app.engine.accounts,
            self._limiter,
            self._app.engine.quirks,
            self._rules,
        )
        verdict = judge(logon, gate)
        key_id = logon.text(tags.SENDER_COMP_ID) or ""
        if isinstance(verdict, Refuse):
            return self._turn_away(kind, logon, key_id, verdict)
        name = f"{kind.target_comp_id}/{key_id}"
        link = self.links.get(name) or self._open(name, kind, key_id)
        self._handlers[name].logon = logon
        self._retentions[name].hours = LogonFlags.of(logon).message_retention_hours
        return Admission(link, verdict)

    def _live(self, kind: SessionKind) -> set[str]:
        """Return the API keys that may not open another session of a kind now."""
        rival = f"{kind.target_comp_id}/" if self._rules.key_per_kind else ""
        return {
            key_of(name) for name, link in self.links.items() if link.connected and name.startswith(rival)
        }

    def _turn_away(self, kind: SessionKind, logon: Message, key_id: str, verdict: Refuse) -> Admission | None:
        """Answer in the name that was called, so that the client reads the reason."""
        called = logon.text(tags.TARGET_COMP_ID)
        if not key_id or not called:
            return None
        name = f"{REFUSED}{kind.target_comp_id}/{key_id}"
        faults = self._faults.of(name, kind.name, (key_id, self._name_of(key_id)))
        link = self._make_link(name, called, key_id, Router(None, ()), faults, retransmission=False)
        return Admission(link, verdict)

    def _open(self, name: str, kind: SessionKind, key_id: str) -> VenueLink:
        key = self.registry.get(key_id)
        assert key is not None
        self._app.client(name, kind, key.account, key.subaccount)
        handler = self._handlers[name] = VenueHandler(self._app)
        link = self._make_link(
            name,
            kind.target_comp_id,
            key_id,
            Router(handler, ()),
            self._faults.of(name, kind.name, (key_id, self._name_of(key_id))),
            retransmission=kind.retransmission,
        )
        handler.port = self.links[name] = link
        return link

    def _make_link(
        self,
        name: str,
        comp_id: str,
        key_id: str,
        router: Router,
        faults: SessionFaults,
        *,
        retransmission: bool,
    ) -> VenueLink:
        store = LoggedStore(MemoryStore(), self._log, name)
        quirks = self._app.engine.quirks
        retention = self._retentions[name] = Retention(store, self._clock, fill=quirks.fill_expired)
        settings = SessionSettings(
            name=name,
            role=Role.ACCEPTOR,
            sender_comp_id=quirks.venue_comp_id or comp_id,
            called=comp_id,
            target_comp_id=key_id,
            retransmission=retransmission,
            sending_time_window=SENDING_TIME_WINDOW,
            answer_bad_logon=True,
            resend_policy=retention,
            check=retention.check,
        )
        return VenueLink(settings, store, router, self._clock, faults, self._log)

    def _name_of(self, key_id: str) -> str:
        """Return the name of an API key; its id when it was made elsewhere."""
        return next((name for name, key in self._keys.items() if key.key_id == key_id), key_id)


def key_of(name: str) -> str:
    """Return the API key id in the name of a session."""
    return name.rpartition("/")[2]

"""What goes wrong at the simulated venue because somebody asks for it: a test, or an event of a scenario."""

from __future__ import annotations

from decimal import Decimal

from fixgw.sim.app import VenueApp
from fixgw.sim.doors import Doors, key_of
from fixgw.sim.failures import OTHER, Failure, Planned, Refusal
from fixgw.sim.faults import FaultRule, Faults
from fixgw.sim.orders import Holder
from fixgw.sim.rates import LogonLimiter


class OnDemand:
    """Failures, refusals, lost connections and faults, when they are wanted.

    Args:
        app: carries out what clients ask for.
        logons: judges how often they may log on.
        doors: knows the sessions.
        faults: act between the sessions and their streams.
    """

    def __init__(self, app: VenueApp, logons: LogonLimiter, doors: Doors, faults: Faults) -> None:
        self.app = app
        self.logons = logons
        self._doors = doors
        self._faults = faults

    def fail_next(self, failure: Failure, count: int = 1, *, msg_type: str = "", key_id: str = "") -> None:
        """Let the next requests fail behind the venue's gateway.

        Args:
            failure: how; ``Failure.APPLIED`` carries them out and says that nobody knows.
            count: how many.
            msg_type: D, F, G or U1; any of them when empty.
            key_id: of the API key that sends them; any when empty.

        Raises:
            ConfigError: messages of that type do not fail.
        """
        self.app.failures.plan(Planned(failure, count, msg_type, key_id))

    def refuse_next(
        self, msg_type: str, text: str, code: int = OTHER, *, count: int = 1, key_id: str = ""
    ) -> None:
        """Let the exchange refuse the next requests, with the answer that it has for them.

        Args:
            msg_type: D, F, G, R, S, Z, U7, UA or UE.
            text: Text(58).
            code: of the answer, where it has one; see ``Refusal``.
            count: how many.
            key_id: of the API key that sends them; any when empty.

        Raises:
            ConfigError: no answer to such messages refuses them, or none has that code.
        """
        self.app.failures.plan(Planned(Refusal(msg_type, text, code), count, msg_type, key_id))

    def free_collateral(self, account: str, amount: Decimal, subaccount: int = 0) -> None:
        """Let the next trade of a subaccount free collateral across a group of markets.

        The venue itself nets markets that exclude each other; how is not published, so here it is told.

        Args:
            account: whose.
            amount: dollars; a part of the change of the balance.
            subaccount: of the account.
        """
        self.app.engine.ledger.free_next(Holder(account, subaccount), amount)

    def refuse_logons(self, count: int = 1, text: str = "FIX logon service busy; retry with backoff") -> None:
        """Refuse the next Logons, whosever they are, with a Logout that says ``text``."""
        self.logons.refuse_next(count, text)

    def flush_quotes(self) -> None:
        """Forget every pending quote without a word, as the venue may when its servers change."""
        self.app.rfq.rfqs.flush()

    def cut(self, key_id: str) -> int:
        """Reset every connection of an API key, as a broken network does; return how many there were."""
        return sum(link.cut() for link in self._doors.of_key(key_id))

    def inject(self, rule: FaultRule) -> None:
        """Let a fault happen from now on; ``log.mishaps`` tells when it did."""
        self._faults.add(rule)

    def pause_reports(self, key_id: str) -> None:
        """Hold back the reports to an API key's sessions until ``resume_reports`` or a disconnect."""
        for client in self.app.clients.values():
            if key_of(client.name) == key_id and client.held is None:
                client.held = []

    def resume_reports(self, key_id: str) -> None:
        """Send what was held back."""
        for client in self.app.clients.values():
            if key_of(client.name) == key_id:
                client.release()

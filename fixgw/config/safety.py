"""What the messages of a session pass on their way out and in, as its settings and its venue say."""

from __future__ import annotations

from dataclasses import dataclass, field

from fixgw.config.limits import limits
from fixgw.config.model import Settings
from fixgw.config.pauses import PausesKey, pause_guards
from fixgw.config.rates import rate_guard
from fixgw.config.resolve import Resolved
from fixgw.handlers.passage import Guard, Passage
from fixgw.safety.buckets import Budget
from fixgw.safety.grid import Grids
from fixgw.safety.kill_steps import KillStep
from fixgw.safety.kind import SessionKindGuard
from fixgw.safety.pauses import Pauses


@dataclass(slots=True)
class Shared:
    """What the sessions of one gateway have in common; made once for each gateway.

    Args:
        settings: those of the gateway.
        budgets: the token buckets of each account, by ``Resolved.account``.
        pauses: what is known of each venue's pauses.
        grids: the price grids of each venue's markets.
        over_rest: cancels everything of the account while a session is down; None when nothing does.
    """

    settings: Settings | None = None
    budgets: dict[str, Budget] = field(default_factory=dict)
    pauses: dict[PausesKey, Pauses] = field(default_factory=dict)
    grids: dict[str, Grids] = field(default_factory=dict)
    over_rest: KillStep | None = None


def passage_of(session: Resolved, shared: Shared) -> Passage:
    """Return what the messages of a session pass.

    What no waiting can mend is asked first, so that it is what a refusal tells.

    Args:
        session: the session and its venue's facts.
        shared: what it has in common with the gateway's other sessions.
    """
    rate = rate_guard(session, shared.budgets)
    guards: list[Guard] = [*_kind_guard(session), *limits(session, shared.grids, shared.settings)]
    guards += pause_guards(session, shared.pauses)
    guards += [rate] if rate is not None else []
    return Passage(tuple(guards), session.venue.edge(session.kind, session.options))


def _kind_guard(session: Resolved) -> list[Guard]:
    """The MsgTypes of the kind, where the venue names them."""
    sends = session.venue.sends(session.kind, session.options)
    if sends is None:
        return []
    silent = session.kind.sends and not sends
    name = f"a session of kind {session.kind.name} that only listens" if silent else session.kind.name
    return [SessionKindGuard(name, sends, session.profile.senders)]

"""What accounts and keys may do, at the Logon and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from fixgw.errors import ConfigError
from fixgw.session.verdict import Accept
from fixgw.sim.accounts import Accounts, AccountSpec, Scope, Tier
from fixgw.sim.kinds import DC, KINDS, MD, NR, PT, RFQ, RT, SessionKind
from fixgw.sim.logon import Gate, judge
from fixgw.sim.pki import Algorithm, ClientSpec
from fixgw.sim.rates import LogonLimiter, RateSettings
from fixgw.sim.venue import MarketSpec
from tests.sim.desk import MARKET, NOON, SECOND
from tests.sim.frames import text_of
from tests.sim.test_app import Venue, buy
from tests.sim.test_logon import KEY_ID, gate, logon, refusal

READ, WRITE = frozenset({Scope.READ}), frozenset({Scope.WRITE})


def at(kind: SessionKind, spec: AccountSpec | None = None, **key: object) -> Gate:
    """A gate of a kind, for an account; ``key`` changes what is known of its key."""
    gated = replace(gate(), kind=kind, accounts=Accounts([spec] if spec else []))
    known = gated.keys.get(KEY_ID)
    assert known is not None
    gated.keys._keys[KEY_ID] = replace(known, **key)  # type: ignore[arg-type]
    return gated


def text(kind: SessionKind, gated: Gate, **changes: str) -> str:
    return refusal(logon(kind=kind.target_comp_id, **changes), gated).text


def accepted(kind: SessionKind, gated: Gate, **changes: str) -> bool:
    return judge(logon(kind=kind.target_comp_id, **changes), gated) == Accept()


LISTENS = {"t20126": "Y", "t21011": "Y"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_by_default_everything_is_allowed(kind: SessionKind) -> None:
    assert accepted(kind, at(kind))


@pytest.mark.parametrize(
    ("tier", "fits"), [(tier, tier not in ("basic", "advanced", "expert")) for tier in Tier]
)
def test_fix_begins_with_premier(tier: Tier, fits: bool) -> None:
    gated = at(NR, AccountSpec("desk", tier=tier))
    assert accepted(NR, gated) is fits
    assert fits or text(NR, gated) == "API usage level is not allowed for FIX"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_retransmission_has_to_be_enabled(kind: SessionKind) -> None:
    gated = at(kind, AccountSpec("desk", retransmission=False))
    assert accepted(kind, gated) is (kind not in (RT, PT))
    assert kind not in (RT, PT) or "is not enabled for this account" in text(kind, gated)


@pytest.mark.parametrize(
    ("kind", "scopes", "flags", "fits"),
    [
        (NR, READ, {}, False),
        (RT, READ, {}, False),
        (RFQ, READ, {}, False),
        (NR, READ, LISTENS, True),
        (RT, READ, LISTENS, True),
        (DC, READ, {}, True),
        (NR, WRITE, {}, True),
        (NR, WRITE, LISTENS, False),
        (MD, WRITE, {}, False),
    ],
)
def test_scopes(kind: SessionKind, scopes: frozenset[Scope], flags: dict[str, str], fits: bool) -> None:
    gated = at(kind, scopes=scopes)
    assert accepted(kind, gated, **flags) is fits
    assert fits or text(kind, gated, **flags).startswith("the API key has no ")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_restricted_key_may_use_three_kinds(kind: SessionKind) -> None:
    assert accepted(kind, at(kind, subaccount=4)) is (kind in (NR, MD, RFQ))


def test_a_restricted_key_may_not_listen() -> None:
    assert text(NR, at(NR, subaccount=4), **LISTENS) == "restricted API keys may not use this session"


class TestRestrictedKeys:
    def test_its_subaccount_is_the_default(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann", subaccount=4)
        venue.send(ann, buy("a1"))
        assert venue.engine.ledger.order("a1").terms.owner.subaccount == 4
        assert ann.sent[0].text(79) == "4"

    def test_another_one_is_refused(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann", subaccount=4)
        venue.send(ann, buy("a1", more="|79=0"))
        report = ann.sent[0]
        assert (report.text(150), report.text(103), report.text(58)) == (
            "8",
            "15",
            "PERMISSION_DENIED_FOR_SUBACCOUNT",
        )

    def test_so_it_is_for_cancels(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann", subaccount=4)
        venue.send(ann, buy("a1"))
        venue.send(ann, f"35=F|11=a2|41=a1|54=1|55={MARKET}|79=5")
        assert (ann.sent[-1].msg_type, ann.sent[-1].text(58)) == ("9", "PERMISSION_DENIED_FOR_SUBACCOUNT")

    def test_so_it_is_for_order_groups(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann", subaccount=4)
        assert venue.refused(ann, "35=UOG|20131=1|20132=5|79=5").reason == 6
        venue.send(ann, "35=UOG|20131=1|20132=5")
        assert ann.sent[-1].text(79) == "4"

    def test_so_it_is_for_quotes(self) -> None:
        venue = Venue()
        ann = venue.log_on("ann", RFQ, subaccount=4)
        venue.send(ann, f"35=S|117=q1|131=r1|55={MARKET}|132=0.50|79=5")
        assert (ann.sent[-1].text(297), ann.sent[-1].text(58)) == ("5", "PERMISSION_DENIED_FOR_SUBACCOUNT")


@pytest.mark.parametrize("kind", [DC, NR])
def test_events_are_resent_to_accounts_on_the_list(kind: SessionKind) -> None:
    venue = Venue(accounts=Accounts([AccountSpec("ann", drop_copy=False)]))
    ann, bob = venue.log_on("ann", kind), venue.log_on("bob", kind)
    for port in (ann, bob):
        venue.send(port, "35=U1|34=7|21001=1;1")
    assert text_of(ann.sent[0]) == "35=U3|45=7|21004=5"
    assert text_of(bob.sent[0]) == "35=U2|45=7|21003=0"


class TestLogonLimiter:
    def test_a_key_has_its_logons_a_minute(self) -> None:
        limiter = LogonLimiter(2)
        tries = [limiter.refuse("a", NOON) for _ in range(3)]
        assert tries == ["", "", "rate limit exceeded"]
        assert limiter.refuse("b", NOON) == ""
        assert limiter.refuse("a", NOON + 29 * SECOND) == "rate limit exceeded"
        assert limiter.refuse("a", NOON + 30 * SECOND) == ""

    def test_it_is_told_with_a_logout(self) -> None:
        gated = replace(gate(), limiter=LogonLimiter(1))
        assert judge(logon(), gated) == Accept()
        assert refusal(logon(), gated).text == "rate limit exceeded"

    def test_a_busy_venue_refuses_whoever_comes(self) -> None:
        limiter = LogonLimiter()
        limiter.refuse_next(2, "FIX logon service busy; retry with backoff")
        tries = [limiter.refuse(name, NOON) for name in "abc"]
        assert tries == ["FIX logon service busy; retry with backoff"] * 2 + [""]


class TestMistakes:
    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (lambda: AccountSpec("a", balances={64: Decimal(1)}), "there is no subaccount 64"),
            (
                lambda: AccountSpec("a", balances={1: Decimal(-1)}),
                "subaccount 1 is below zero",
            ),
            (lambda: Accounts([AccountSpec("a"), AccountSpec("a")]), "the account a is there twice"),
            (lambda: ClientSpec("a", Algorithm.RSA, "a", subaccount=-1), "there is no subaccount -1"),
            (lambda: MarketSpec("M", exchange_index=-1), "there is no exchange index -1"),
            (lambda: RateSettings(logons_per_minute=0), "nobody could log on"),
        ],
    )
    def test_they_are_told(self, make: Callable[[], object], says: str) -> None:
        with pytest.raises(ConfigError, match=says):
            make()

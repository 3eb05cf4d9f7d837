"""What the venue's pages leave open: each switch in both positions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fixgw.session.verdict import Accept
from fixgw.sim.kinds import DC, MD, NR, RFQ, RT
from fixgw.sim.logon import judge
from fixgw.sim.orders import Side, State, TimeInForce
from fixgw.sim.pki import KeyRegistry
from fixgw.sim.quirks import CancelScope, Quirks
from tests.sim.desk import MARKET
from tests.sim.test_app import Port, Venue, buy
from tests.sim.test_logon import gate, logon, refusal

REPLACE = f"35=G|11=a2|41=a1|38=8|40=2|54=1|55={MARKET}"


def venue(**quirks: object) -> Venue:
    return Venue(quirks=Quirks(**quirks))  # type: ignore[arg-type]


class TestReports:
    @pytest.mark.parametrize(("five", "fresh", "filled"), [(True, "5", "5"), (False, "0", "1")])
    def test_status_after_a_replace(self, five: bool, fresh: str, filled: str) -> None:
        at = venue(replaced_status=five)
        ann = at.log_on("ann")
        at.send(ann, buy("a1"))
        at.send(ann, REPLACE)
        assert (ann.sent[-1].text(150), ann.sent[-1].text(39)) == ("5", fresh)
        at.house(Side.SELL, "2", "0.55")
        at.send(ann, REPLACE.replace("11=a2|41=a1", "11=a3|41=a2"))
        assert (ann.sent[-1].text(150), ann.sent[-1].text(39)) == ("5", filled)

    @pytest.mark.parametrize(("opens", "leaves"), [(True, ["8.00", "5.00"]), (False, ["8.00", "0.00"])])
    def test_the_last_trade_of_an_ioc(self, opens: bool, leaves: list[str]) -> None:
        at = venue(ioc_leaves_open=opens)
        ann = at.log_on("ann")
        for qty, price in (("2", "0.50"), ("3", "0.55")):
            at.house(Side.SELL, qty, price)
        at.send(ann, buy("a1", more="|59=3"))
        assert [(one.text(39), one.text(151)) for one in ann.sent] == [("1", left) for left in leaves]

    @pytest.mark.parametrize(("sent", "expected"), [(True, ["A", "0"]), (False, ["0"])])
    def test_pending_reports(self, sent: bool, expected: list[str]) -> None:
        at = venue(pending_reports=sent)
        ann = at.log_on("ann", flags="|21011=N")
        ann.sent.clear()
        at.app.clients[ann.name].flags = replace(
            at.app.clients[ann.name].flags, skip_pending_exec_reports=False
        )
        at.send(ann, buy("a1"))
        assert ann.types() == expected

    @pytest.mark.parametrize("exec_id", ["-1;-1", "0"])
    def test_exec_id_of_a_reject(self, exec_id: str) -> None:
        at = venue(reject_exec_id=exec_id)
        ann = at.log_on("ann")
        at.send(ann, buy("a1", "0"))
        assert ann.sent[0].text(17) == exec_id

    @pytest.mark.parametrize("order_id", ["NONE", "unknown"])
    def test_order_id_of_an_order_that_is_not_known(self, order_id: str) -> None:
        at = venue(unknown_order_id=order_id)
        ann = at.log_on("ann")
        at.send(ann, REPLACE)
        assert ann.sent[0].text(37) == order_id

    @pytest.mark.parametrize("text", ["INVALID_ORDER", "INVALID_PRICE"])
    def test_text_for_a_bad_price(self, text: str) -> None:
        at = venue(bad_price_text=text)
        ann = at.log_on("ann")
        at.send(ann, buy("a1", price="0.555"))
        assert (ann.sent[0].text(103), ann.sent[0].text(58)) == ("11", text)

    @pytest.mark.parametrize("life", [TimeInForce.GTC, TimeInForce.DAY])
    def test_time_in_force_of_an_order_without_one(self, life: TimeInForce) -> None:
        at = venue(default_time_in_force=life)
        at.send(at.log_on("ann"), buy("a1"))
        assert at.engine.ledger.order("a1").terms.time_in_force is life


class TestScopes:
    """An order of a former connection, one of this, one of another session of the account, one of another."""

    def entered(self, at: Venue) -> Port:
        ann, other, bob = at.log_on("ann", NR, "desk"), at.log_on("other", RT, "desk"), at.log_on("bob")
        at.send(ann, buy("former"))
        ann.connections += 1
        for port, name in ((ann, "present"), (other, "other"), (bob, "bob")):
            at.send(port, buy(name))
        return ann

    def cancelled(self, at: Venue) -> set[str]:
        orders = at.engine.ledger.orders.values()
        return {order.cl_ord_ids[0] for order in orders if order.state is State.CANCELLED}

    EXPECTED = (
        (CancelScope.CONNECTION, {"present"}),
        (CancelScope.SESSION, {"present", "former"}),
        (CancelScope.ACCOUNT, {"present", "former", "other"}),
    )

    @pytest.mark.parametrize(("scope", "expected"), EXPECTED)
    def test_of_a_mass_cancel(self, scope: CancelScope, expected: set[str]) -> None:
        at = venue(mass_cancel_scope=scope)
        at.send(self.entered(at), "35=q|11=m|530=6")
        assert self.cancelled(at) == expected

    @pytest.mark.parametrize(("scope", "expected"), EXPECTED)
    def test_of_a_lost_connection(self, scope: CancelScope, expected: set[str]) -> None:
        at = venue(disconnect_scope=scope)
        ann = self.entered(at)
        client = at.app.clients[ann.name]
        client.flags = replace(client.flags, cancel_orders_on_disconnect=True)
        ann.active = False
        at.app.on_disconnect(ann)
        assert self.cancelled(at) == expected


class TestSessions:
    @pytest.mark.parametrize(("by_reject", "answer"), [(False, (True, 3)), (True, (False, 11))])
    def test_a_message_on_the_wrong_session(self, by_reject: bool, answer: tuple[bool, int]) -> None:
        at = venue(wrong_session_by_reject=by_reject)
        reject = at.refused(at.log_on("ann", MD), buy("a1"))
        assert (reject.business, reject.reason) == answer

    @pytest.mark.parametrize("needed", [True, False])
    def test_raw_data_length(self, needed: bool) -> None:
        gated = replace(gate(), quirks=Quirks(logon_without_length=not needed))
        assert judge(logon(), gated) == Accept()
        assert isinstance(judge(logon(t95=None), gated), Accept) is not needed

    def test_text_for_a_bad_signature(self) -> None:
        gated = replace(gate(), quirks=Quirks(bad_signature_text="unauthorized"))
        assert refusal(logon(t34="2"), gated).text == "unauthorized"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class TestSalt:
    @pytest.mark.parametrize("any_length", [False, True])
    @pytest.mark.parametrize("length", [0, 20, 32, 64, 222])
    def test_of_an_rsa_signature(self, key: rsa.RSAPrivateKey, length: int, any_length: bool) -> None:
        registry = KeyRegistry()
        pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        registry.add("k", pem)
        known = registry.get("k")
        assert known is not None
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), length)
        signature = key.sign(b"text", scheme, hashes.SHA256())
        assert known.verifies(signature, b"text", any_salt_length=any_length) is (any_length or length == 32)


class TestQuotes:
    def quoted(self, at: Venue, flags: str = "|21005=N") -> tuple[Port, Port]:
        creator, maker = at.log_on("carl", RT), at.log_on("mary", RFQ)
        client = at.app.clients[creator.name]
        client.flags = replace(client.flags, use_dollars=False)
        at.send(creator, f"35=R|131=c1|146=1|55={MARKET}|38=10")
        at.send(maker, f"35=S|117=q1|131={creator.sent[-1].text(21023)}|55={MARKET}|133=0.25")
        return creator, maker

    @pytest.mark.parametrize(("dollars", "price"), [(True, "0.2500"), (False, "25")])
    def test_unit_of_a_quote_to_its_creator(self, dollars: bool, price: str) -> None:
        creator, _ = self.quoted(venue(quotes_in_dollars=dollars))
        assert creator.sent[-1].text(133) == price

    @pytest.mark.parametrize(("of_maker", "side"), [(True, "2"), (False, "1")])
    def test_accepted_side(self, of_maker: bool, side: str) -> None:
        at = venue(accepted_side_of_maker=of_maker)
        creator, maker = self.quoted(at)
        at.send(creator, "35=UA|117=q1|54=1")
        assert (maker.sent[-1].text(297), maker.sent[-1].text(54)) == ("0", side)

    @pytest.mark.parametrize(("told", "reports"), [(True, ["0", "F"]), (False, [])])
    def test_fills_of_the_maker(self, told: bool, reports: list[str]) -> None:
        at = venue(maker_fills=told)
        orders = at.log_on("orders", NR, "mary")
        creator, maker = self.quoted(at)
        at.send(creator, "35=UA|117=q1|54=1")
        at.send(maker, "35=U7|117=q1")
        at.app.rfq.run_due(at.clock.advance(15).utc_ns)
        assert orders.types() == reports
        copy = at.log_on("copy", DC, "mary")
        at.send(copy, "35=U1|34=7|21001=1;1")
        assert copy.types() == ["0", "F", "U2"]

"""Requests from the wire: layouts, values, and what is refused how."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fixgw.errors import Reject
from fixgw.sim import dialect, requests
from fixgw.sim.orders import Named, Owner, SelfTrade, Side, Terms, TimeInForce
from tests.sim.desk import NOON, SECOND
from tests.sim.frames import message

OWNER = Owner("desk", "KalshiNR/k", 1)
D = "35=D|34=2|49=k|52=20261009-14:30:01.000|56=KalshiNR|11=a|38=10|40=2|44=0.7500|54=1|55=M"
F = "35=F|34=3|49=k|52=20261009-14:30:01.000|56=KalshiNR|11=b|41=a|54=1|55=M"
G = "35=G|34=3|49=k|52=20261009-14:30:01.000|56=KalshiNR|11=b|41=a|38=5|40=2|54=1|55=M"
Q = "35=q|34=3|49=k|52=20261009-14:30:01.000|56=KalshiNR|11=b|530=6"


def order(text: str, *, dollars: bool = True) -> Terms:
    built = message(text)
    dialect.check(built)
    return requests.new_order(built, OWNER, use_dollars=dollars)


def read(text: str) -> object:
    built = message(text)
    dialect.check(built)
    match built.msg_type:
        case "D":
            return requests.new_order(built, OWNER, use_dollars=True)
        case "F":
            return requests.cancel(built, OWNER)
        case "G":
            return requests.replace(built, OWNER, use_dollars=True)
        case _:
            return requests.mass_cancel(built)


def refused(text: str) -> Reject:
    with pytest.raises(Reject) as raised:
        read(text)
    return raised.value


class TestLayout:
    @pytest.mark.parametrize("text", [D, F, G, Q, "35=U1|21001=1;1|21002=2;2"])
    def test_good_messages_pass(self, text: str) -> None:
        dialect.check(message(text))

    def test_a_tag_that_nobody_defined(self) -> None:
        reject = refused(D + "|333333=1")
        assert (reject.reason, reject.ref_tag, reject.business) == (3, 333333, False)
        assert reject.text == "Undefined tag received"

    def test_a_tag_of_another_message(self) -> None:
        assert (refused(F + "|44=1").reason, refused(F + "|44=1").ref_tag) == (2, 44)
        assert refused(D + "|151=1").reason == 2

    @pytest.mark.parametrize(
        ("text", "tag"),
        [(text, tag) for text in (D, F, G, Q) for tag in dialect.LAYOUTS[text[3]].required],
    )
    def test_each_required_tag(self, text: str, tag: int) -> None:
        kept = "|".join(field for field in text.split("|") if not field.startswith(f"{tag}="))
        reject = refused(kept)
        assert (reject.reason, reject.ref_tag) == (1, tag)

    def test_a_tag_without_a_value(self) -> None:
        assert (refused(D + "|59=").reason, refused(D + "|59=").ref_tag) == (4, 59)

    def test_sender_sub_id_and_possible_duplicates_are_allowed(self) -> None:
        dialect.check(message(D + "|50=op|43=Y|122=20261009-14:30:00.000|97=Y"))


class TestNewOrder:
    def test_everything_at_once(self) -> None:
        terms = order(
            D
            + "|59=6|126=20261009-14:30:01.000|18=6 E|2964=2|21006=Y|21009=7.5|79=3|100=-1"
            + "|453=1|448=u_1|452=24|526=group|117=quote"
        )
        assert terms == Terms(
            cl_ord_id="a",
            owner=OWNER,
            symbol="M",
            side=Side.BUY,
            qty=Decimal(10),
            price=Decimal("0.75"),
            time_in_force=TimeInForce.GTD,
            expire_ns=NOON + SECOND,
            post_only=True,
            reduce_only=True,
            self_trade=SelfTrade.MAKER,
            max_cost=Decimal("7.5"),
            cancel_on_pause=True,
            order_group="group",
            quote="quote",
            echo=((79, "3"), (453, "1"), (448, "u_1"), (452, "24")),
            named=Named(subaccount=3, customer="u_1"),
        )

    def test_the_least(self) -> None:
        terms = order(D)
        assert terms.time_in_force is TimeInForce.GTC
        assert terms.self_trade is SelfTrade.TAKER
        assert (terms.expire_ns, terms.max_cost, terms.post_only, terms.cancel_on_pause) == (
            None,
            None,
            False,
            False,
        )

    @pytest.mark.parametrize(("sent", "dollars"), [("75", "0.75"), ("50.9", "0.50"), ("1", "0.01")])
    def test_cents_are_cut_to_whole_ones(self, sent: str, dollars: str) -> None:
        assert order(D.replace("44=0.7500", f"44={sent}"), dollars=False).price == Decimal(dollars)

    def test_an_expire_time_means_nothing_without_gtd(self) -> None:
        assert order(D + "|59=1|126=20261009-14:30:01.000").expire_ns is None

    @pytest.mark.parametrize(
        ("change", "tag", "reason"),
        [
            (("11=a", "11=a b"), 11, 5),
            (("11=a", "11=" + "a" * 65), 11, 5),
            (("40=2", "40=1"), 40, 5),
            (("54=1", "54=3"), 54, 5),
            (("38=10", "38=ten"), 38, 6),
            (("38=10", "38=1e1"), 38, 6),
            (("44=0.7500", "44=NaN"), 44, 6),
            (("55=M", "55=M|59=2"), 59, 5),
            (("55=M", "55=M|18=5"), 18, 5),
            (("55=M", "55=M|2964=0"), 2964, 5),
            (("55=M", "55=M|79=64"), 79, 5),
            (("55=M", "55=M|79=x"), 79, 6),
            (("55=M", "55=M|100=-2"), 100, 5),
            (("55=M", "55=M|59=6|126=soon"), 126, 6),
            (("55=M", "55=M|21006=1"), 21006, 6),
            (("55=M", "55=M|21009=much"), 21009, 6),
        ],
    )
    def test_bad_values(self, change: tuple[str, str], tag: int, reason: int) -> None:
        reject = refused(D.replace(*change))
        assert (reject.ref_tag, reject.reason, reject.business) == (tag, reason, False)

    def test_gtd_needs_its_time(self) -> None:
        reject = refused(D + "|59=6")
        assert (reject.reason, reject.business, reject.ref_id) == (5, True, "a")


class TestCancelAndReplace:
    def test_cancel(self) -> None:
        request = requests.cancel(message(F + "|37=id"), OWNER)
        assert (request.cl_ord_id, request.orig_cl_ord_id, request.order_id) == ("b", "a", "id")
        assert (request.side, request.symbol, request.owner) == (Side.BUY, "M", OWNER)

    def test_replace_leaves_what_is_not_said(self) -> None:
        request = requests.replace(message(G), OWNER, use_dollars=True)
        assert request.qty == 5
        assert (request.price, request.time_in_force, request.expire_ns) == (None, None, None)

    def test_replace_says_all(self) -> None:
        request = requests.replace(
            message(G + "|44=51|59=6|126=20261009-14:30:01.000"), OWNER, use_dollars=False
        )
        assert request.price == Decimal("0.51")
        assert (request.time_in_force, request.expire_ns) == (TimeInForce.GTD, NOON + SECOND)

    @pytest.mark.parametrize(
        ("text", "tag"),
        [
            (G.replace("40=2", "40=1"), 40),
            (G + "|59=9", 59),
            (F.replace("54=1", "54=x"), 54),
            (F + "|100=-2", 100),
        ],
    )
    def test_bad_values(self, text: str, tag: int) -> None:
        assert (refused(text).ref_tag, refused(text).reason) == (tag, 5)

    def test_mass_cancel_can_only_mean_the_session(self) -> None:
        assert requests.mass_cancel(message(Q)) == "b"
        assert refused(Q.replace("530=6", "530=7")).ref_tag == 530

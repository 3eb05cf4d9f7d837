"""The ledger: what can be asked of it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from fixgw.sim.orders import Side
from tests.sim.desk import MARKET, Desk


def test_an_unknown_id_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyError, match="'nobody'"):
        Desk().ledger.order("nobody")


def test_trades_of_one_order_leave_the_others_out() -> None:
    desk = Desk()
    desk.sell("bob", 1, "0.50")
    first = desk.buy("ann", 1, "0.50")
    desk.sell("bob", 2, "0.50")
    second = desk.buy("ann", 2, "0.50")
    assert [t.qty for t in desk.ledger.trades(second.terms.cl_ord_id)] == [2]
    assert [t.order.order_id for t in desk.ledger.trades()].count(first.order_id) == 1


def test_the_dump_is_json_and_holds_every_table() -> None:
    desk = Desk()
    desk.sell("bob", 1, "0.50")
    order = desk.buy("ann", 3, "0.50")
    desk.cancel(order, side=Side.SELL)
    desk.cancel(order)
    desk.buy("ann", 0, "0.50", cl_ord_id="refused")
    dump = json.loads(desk.ledger.to_json())
    assert dump == desk.ledger.dump()
    sold, bought, refused = dump["orders"]
    assert (sold["state"], sold["leaves"], sold["avg_px"]) == ("filled", "0", "0.50")
    assert (bought["cl_ord_ids"], bought["cum"], bought["connection"]) == (["ann-2", "f-4"], "1", 1)
    assert (refused["state"], refused["cl_ord_ids"]) == ("rejected", ["refused"])
    assert [entry["kind"] for entry in dump["executions"]] == [
        "Accepted",
        "Accepted",
        "Traded",
        "Traded",
        "Cancelled",
    ]
    assert dump["executions"][2]["price"] == "0.50"
    assert [entry["reason"] for entry in dump["rejections"]] == ["UNKNOWN_ORDER", "INCORRECT_QUANTITY"]
    assert {"account": "ann", "symbol": MARKET, "yes": "1"} in dump["positions"]
    assert set(dump["cash"]) == {"ann", "bob"}
    assert Decimal(dump["fees"]) == Decimal("0.0175")

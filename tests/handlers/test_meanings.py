"""What a venue's words mean is told with the error that carries them."""

from __future__ import annotations

import pytest

from fixgw.errors import OutcomeUnknown, Rejected
from fixgw.fix.message import Message
from fixgw.handlers.meanings import Meanings
from fixgw.handlers.orders import Orders
from tests.handlers.port import UNAVAILABLE, Desk, Port, order, report

TABLE = Meanings(
    {"NO_MONEY": "fund the account", UNAVAILABLE: "ask before anything else"},
    {103: {"3": "a limit is reached"}, 380: {"8": "send less"}},
)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (Message("8", [(58, "NO_MONEY"), (103, "3")]), "fund the account"),
        (Message("8", [(58, "WHATEVER"), (103, "3")]), "a limit is reached"),
        (Message("j", [(380, "8")]), "send less"),
        (Message("8", [(58, "WHATEVER"), (103, "4")]), ""),
        (Message("8", [(37, "V1")]), ""),
    ],
)
def test_a_text_goes_before_a_code(message: Message, sentence: str) -> None:
    assert TABLE.explain(message) == sentence


def orders() -> Orders:
    book = Orders(unknown_outcome_texts=frozenset({UNAVAILABLE}), meanings=TABLE)
    book.bind(Port())
    return book


async def test_a_refused_order_says_what_to_do() -> None:
    desk = Desk()
    desk.orders = orders()
    placed = desk.orders.place(order())
    desk.tell(report(placed.cl_ord_id, "8", text="NO_MONEY"))
    with pytest.raises(Rejected, match="NO_MONEY: fund the account") as caught:
        await placed.acknowledged()
    assert (caught.value.text, caught.value.meaning) == ("NO_MONEY", "fund the account")


async def test_an_outcome_that_nobody_knows_says_what_to_do() -> None:
    desk = Desk()
    desk.orders = orders()
    placed = desk.orders.place(order())
    desk.tell(report(placed.cl_ord_id, "8", text=UNAVAILABLE))
    with pytest.raises(OutcomeUnknown, match=f"{UNAVAILABLE}: ask before anything else"):
        await placed.acknowledged()

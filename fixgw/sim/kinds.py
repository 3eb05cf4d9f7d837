"""The kinds of session that the venue serves: docs.kalshi.com/fix/connectivity.

Written down apart from the client's table, so that a fault in that one shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SessionKind:
    """One kind of session.

    Args:
        name: the word in ``Simulator.ports``.
        target_comp_id: TargetCompID(56) that the client has to use, and our SenderCompID(49).
        port: the venue's well-known port.
        retransmission: ResendRequest(2) and SequenceReset(4) are supported; the numbers outlive connections.
        accepts: MsgTypes of application messages that are handled.
        order_entry: the Logon flags of order entry apply.
        post_trade: settlements are what it is for.
        restricted: API keys for one subaccount may use it.
    """

    name: str
    target_comp_id: str
    port: int
    retransmission: bool
    accepts: frozenset[str]
    order_entry: bool = False
    post_trade: bool = False
    restricted: bool = False

    @property
    def writes(self) -> bool:
        """What is sent there changes something, unless it is a listener."""
        return self.order_entry or "S" in self.accepts

    @property
    def must_reset(self) -> bool:
        """Every Logon has to carry ResetSeqNumFlag(141)=Y."""
        return not self.retransmission


ORDERS = frozenset({"D", "F", "G", "UOG"})

NR = SessionKind(
    "orders-nr", "KalshiNR", 8228, False, ORDERS | {"q", "U1"}, order_entry=True, restricted=True
)
DC = SessionKind("drop-copy", "KalshiDC", 8229, False, frozenset({"U1"}))
RT = SessionKind("orders-rt", "KalshiRT", 8230, True, ORDERS | {"R", "UA", "UE"}, order_entry=True)
PT = SessionKind("post-trade", "KalshiPT", 8231, True, frozenset(), post_trade=True)
RFQ = SessionKind("rfq", "KalshiRFQ", 8232, False, frozenset({"S", "Z", "U7"}), restricted=True)
MD = SessionKind("market-data", "KalshiMD", 8233, False, frozenset({"V", "e"}), restricted=True)

KINDS = (NR, DC, RT, PT, RFQ, MD)

MARGIN_KINDS = (
    replace(NR, accepts=ORDERS | {"q"}),
    DC,
    replace(RT, accepts=ORDERS),
    replace(MD, accepts=frozenset({"V"})),
)
"""Those of margin products: docs.kalshi.com/fix-margin/connectivity."""

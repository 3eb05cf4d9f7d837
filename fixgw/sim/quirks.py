"""What the venue's pages leave open, or say in two ways: one switch each.

The defaults are what the pages' tables and the frames seen on the wire suggest. Sources: docs.kalshi.com/fix.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fixgw.sim.orders import TimeInForce


class CancelScope(StrEnum):
    """Whose orders a mass cancel or a lost connection cancels."""

    CONNECTION = "connection"  # those that were entered on the present connection
    SESSION = "session"  # those of the FIX session, whatever connection they came on
    ACCOUNT = "account"  # those of the account, whatever session they came on


@dataclass(frozen=True, slots=True)
class Quirks:
    """How the venue behaves where that is not certain.

    Args:
        venue_comp_id: SenderCompID(49) of the venue; empty for the name of the session, such as ``KalshiNR``.
        logon_without_length: a Logon may lack RawDataLength(95).
        any_salt_length: RSA signatures verify with any salt length; otherwise with 32 bytes alone.
        bad_signature_text: Text(58) of the Logout that refuses a signature.
        wrong_session_by_reject: a message that the session does not take is answered with Reject(3) and
            373=11; otherwise with BusinessMessageReject(j) and 380=3.
        replaced_status: OrdStatus(39) of a Replaced report is 5; otherwise that of the order, 0 or 1.
        ioc_leaves_open: the last trade of an IOC that fills in part shows what is left in LeavesQty(151);
            otherwise 0.
        pending_reports: PendingNew, PendingReplace and PendingCancel are sent unless 21011=Y; otherwise
            never.
        reject_exec_id: ExecID(17) of a report that no execution stands behind.
        unknown_order_id: OrderID(37) of an OrderCancelReject(9) for an order that is not known.
        bad_price_text: Text(58) of a new order off the grid of prices.
        default_time_in_force: of an order without TimeInForce(59).
        disconnect_scope: what CancelOrdersOnDisconnect(8013) cancels.
        mass_cancel_scope: what OrderMassCancelRequest(q) cancels.
        repeat_identity: a cancel or replace has to name the subaccount and customer of its order; otherwise
            what it leaves out is taken from the order.
        fill_expired: what is not retained any more is gap-filled; otherwise a ResendRequest(2) that begins
            there is rejected.
        quotes_in_dollars: a Quote(S) to the creator has dollars; otherwise the unit of its session.
        accepted_side_of_maker: Side(54) of an accepted QuoteStatusReport(AI) is what the maker gets;
            otherwise what the creator does.
        self_cross_attempt: an incoming order that would meet one of its own account is cancelled as
            SELF_CROSS_ATTEMPT, or SELF_CROSS_ATTEMPT_PARTIALLY_FILLED; otherwise as
            TAKER_CANCEL_FOR_SELF_TRADE_PREVENTION.
        maker_fills: the fills of a quote are reported on the order-entry sessions of its maker's account.
        quote_orders_on_shard_one: an order that accepts a quote is paid for out of the bucket of exchange
            index 1; otherwise out of the one that counts for no index.
    """

    venue_comp_id: str = ""
    logon_without_length: bool = True
    any_salt_length: bool = False
    bad_signature_text: str = "Invalid signature"
    wrong_session_by_reject: bool = False
    replaced_status: bool = True
    ioc_leaves_open: bool = True
    pending_reports: bool = True
    reject_exec_id: str = "-1;-1"
    unknown_order_id: str = "NONE"
    bad_price_text: str = "INVALID_ORDER"
    default_time_in_force: TimeInForce = TimeInForce.GTC
    disconnect_scope: CancelScope = CancelScope.SESSION
    mass_cancel_scope: CancelScope = CancelScope.SESSION
    repeat_identity: bool = False
    fill_expired: bool = False
    quotes_in_dollars: bool = True
    accepted_side_of_maker: bool = True
    self_cross_attempt: bool = False
    maker_fills: bool = True
    quote_orders_on_shard_one: bool = True


RECOMMENDED = Quirks()

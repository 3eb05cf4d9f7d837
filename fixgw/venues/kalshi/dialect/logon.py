"""Kalshi's Logon with its own flags, for whoever reads or scripts one; a session writes its Logons itself.

Which session takes which flag stands in ``profile.toml``. Source: docs.kalshi.com/fix/authentication.
"""

from __future__ import annotations

from collections.abc import Sequence

from fixgw.fix.fieldtypes import BOOLEAN, INT
from fixgw.fix.schema import TypedMessage, field
from fixgw.messages import admin
from fixgw.venues.kalshi import tags


class Logon(admin.Logon, msg_type="A"):
    """Logon(A); ``message_retention_period`` is in hours."""

    cancel_orders_on_disconnect: bool | None = field(tags.CANCEL_ORDERS_ON_DISCONNECT, BOOLEAN, default=None)
    listener_session: bool | None = field(tags.LISTENER_SESSION, BOOLEAN, default=None)
    receive_settlement_reports: bool | None = field(tags.RECEIVE_SETTLEMENT_REPORTS, BOOLEAN, default=None)
    message_retention_period: int | None = field(tags.MESSAGE_RETENTION_PERIOD, INT, default=None)
    use_dollars: bool | None = field(tags.USE_DOLLARS, BOOLEAN, default=None)
    cancel_order_on_pause: bool | None = field(tags.CANCEL_ORDER_ON_PAUSE, BOOLEAN, default=None)
    enable_ioc_cancel_report: bool | None = field(tags.ENABLE_IOC_CANCEL_REPORT, BOOLEAN, default=None)
    preserve_original_order_qty: bool | None = field(tags.PRESERVE_ORIGINAL_ORDER_QTY, BOOLEAN, default=None)
    skip_pending_exec_reports: bool | None = field(tags.SKIP_PENDING_EXEC_REPORTS, BOOLEAN, default=None)
    use_expired_ord_status: bool | None = field(tags.USE_EXPIRED_ORD_STATUS, BOOLEAN, default=None)
    always_emit_new_before_trade: bool | None = field(
        tags.ALWAYS_EMIT_NEW_BEFORE_TRADE, BOOLEAN, default=None
    )
    split_collateral_return: bool | None = field(tags.SPLIT_COLLATERAL_RETURN, BOOLEAN, default=None)
    use_cap_reservation: bool | None = field(tags.USE_CAP_RESERVATION, BOOLEAN, default=None)


MESSAGES: Sequence[type[TypedMessage]] = (Logon,)

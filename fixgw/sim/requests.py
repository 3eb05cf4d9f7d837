"""Requests from the wire in the words of the venue: docs.kalshi.com/fix/order-entry, /fix/rfq-messages."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import ROUND_DOWN, Decimal

from fixgw.errors import FieldError, Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.values import decode_boolean, decode_decimal, decode_int, decode_string, parse_utc_timestamp_ns
from fixgw.sim.accounts import MOST_SUBACCOUNT
from fixgw.sim.groups import GroupAction, GroupRequest
from fixgw.sim.orders import (
    CancelRequest,
    Named,
    Owner,
    ReplaceRequest,
    SelfTrade,
    Side,
    Terms,
    TimeInForce,
)
from fixgw.sim.quotes import Acceptance, Ask, Leg, Legs, Offer

VALUE_INCORRECT = 5
BAD_FORMAT = 6
CONDITIONALLY_REQUIRED = 5  # BusinessRejectReason(380)

SELF_TRADE_PREVENTION_TYPE = 2964
CANCEL_ORDER_ON_PAUSE = 21006
MAX_EXECUTION_COST = 21009
ORDER_GROUP_ID = 20130
ORDER_GROUP_ACTION = 20131
ORDER_GROUP_CONTRACTS_LIMIT = 20132
MOST_GROUP_CONTRACTS = 1_000_000
MULTIVARIATE_COLLECTION_TICKER = 20180
NO_MULTIVARIATE_SELECTED_LEGS = 20181
LEG_TAGS = (20182, 20183, 20184)
REST_REMAINDER = 21015
REPLACE_EXISTING = 21016
PREFER_BETTER_QUOTE = 21022
RFQ_ID = 21023
TARGET_COST_EXCLUDES_FEES = 21033
OBSCURE_CREATOR_ID = 21034
RELATED_SYM_TAGS = (38, 55, 152, 448, 452, 453, 21015, 21016, 21033, 21034)
POST_ONLY = "6"
REDUCE_ONLY = "E"
ECHOED = (tags.NO_PARTY_IDS, tags.PARTY_ID, tags.PARTY_ROLE)
CUSTOMER_ACCOUNT = b"24"  # PartyRole(452)
BY_SYMBOL = -1  # ExDestination(100)

_CL_ORD_ID = re.compile(r"[-\w:+=/]{1,64}", re.ASCII)
_OPERATOR = re.compile(rb"[ -~]{1,16}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WHOLE = Decimal(1)


def named(message: Message) -> Named:
    """Return for whom and where a message says that it is.

    A customer is named by the one entry of NoPartyIDs(453), with PartyRole(452) 24; other groups are ignored,
    and so is SenderSubID(50) where a quote is accepted.

    Raises:
        Reject: AllocAccount(79) is not 0 to 63, ExDestination(100) no exchange index, or SenderSubID(50) not
            one to sixteen printable characters.
    """
    destination, subaccount = message.get(tags.EX_DESTINATION), message.get(tags.ALLOC_ACCOUNT)
    index = BY_SYMBOL if destination is None else decode_int(tags.EX_DESTINATION, destination)
    if index < BY_SYMBOL:
        raise _incorrect(tags.EX_DESTINATION)
    number = None if subaccount is None else decode_int(tags.ALLOC_ACCOUNT, subaccount)
    if number is not None and not 0 <= number <= MOST_SUBACCOUNT:
        raise _incorrect(tags.ALLOC_ACCOUNT)
    operator = None if tags.QUOTE_ID in message else message.get(tags.SENDER_SUB_ID)
    if operator is not None and not _OPERATOR.fullmatch(operator):
        raise _incorrect(tags.SENDER_SUB_ID)
    return Named(
        number,
        _customer(message),
        None if operator is None else decode_string(operator),
        None if index == BY_SYMBOL else index,
    )


def _customer(message: Message) -> str | None:
    if message.get(tags.NO_PARTY_IDS) != b"1":
        return None
    parties, roles = message.get_all(tags.PARTY_ID), message.get_all(tags.PARTY_ROLE)
    return decode_string(parties[0]) if roles == [CUSTOMER_ACCOUNT] and len(parties) == 1 else None


def new_order(
    message: Message, owner: Owner, *, use_dollars: bool, default: TimeInForce = TimeInForce.GTC
) -> Terms:
    """Return the terms of NewOrderSingle(D).

    Args:
        message: checked against its layout.
        owner: whose order it is.
        use_dollars: UseDollars(21005) of the session; else prices are cents, fractions cut off.
        default: TimeInForce(59) of an order that has none.

    Raises:
        Reject: a value is malformed, not one of its enumeration, or conditionally required and missing.
    """
    cl_ord_id = _cl_ord_id(message, tags.CL_ORD_ID)
    _one_of(message, tags.ORD_TYPE, ("2",))
    time_in_force = TimeInForce(_one_of(message, tags.TIME_IN_FORCE, list(TimeInForce), default=default))
    expire_ns = _expire_ns(message)
    if time_in_force is TimeInForce.GTD and expire_ns is None:
        raise Reject(
            CONDITIONALLY_REQUIRED, "ExpireTime(126) is required for GTD", business=True, ref_id=cl_ord_id
        )
    instructions = _instructions(message)
    max_cost = message.get(MAX_EXECUTION_COST)
    return Terms(
        cl_ord_id=cl_ord_id,
        owner=owner,
        symbol=_text(message, tags.SYMBOL),
        side=_side(message),
        qty=_decimal(message, tags.ORDER_QTY),
        price=_price(message, tags.PRICE, use_dollars=use_dollars),
        time_in_force=time_in_force,
        expire_ns=expire_ns if time_in_force is TimeInForce.GTD else None,
        post_only=POST_ONLY in instructions,
        reduce_only=REDUCE_ONLY in instructions,
        self_trade=SelfTrade(_one_of(message, SELF_TRADE_PREVENTION_TYPE, list(SelfTrade), SelfTrade.TAKER)),
        max_cost=None if max_cost is None else decode_decimal(MAX_EXECUTION_COST, max_cost),
        cancel_on_pause=_flag(message, CANCEL_ORDER_ON_PAUSE),
        order_group=message.text(tags.SECONDARY_CL_ORD_ID) or message.text(ORDER_GROUP_ID),
        quote=message.text(tags.QUOTE_ID),
        echo=_echo(message, owner),
        named=named(message),
    )


def cancel(message: Message, owner: Owner) -> CancelRequest:
    """Return what OrderCancelRequest(F) asks for.

    Raises:
        Reject: a value is malformed or not one of its enumeration.
    """
    return CancelRequest(
        cl_ord_id=_cl_ord_id(message, tags.CL_ORD_ID),
        orig_cl_ord_id=_text(message, tags.ORIG_CL_ORD_ID),
        owner=owner,
        symbol=_text(message, tags.SYMBOL),
        side=_side(message),
        order_id=message.text(tags.ORDER_ID),
        named=named(message),
    )


def replace(message: Message, owner: Owner, *, use_dollars: bool) -> ReplaceRequest:
    """Return what OrderCancelReplaceRequest(G) asks for.

    Raises:
        Reject: a value is malformed or not one of its enumeration.
    """
    _one_of(message, tags.ORD_TYPE, ("2",))
    life = _one_of(message, tags.TIME_IN_FORCE, list(TimeInForce), default="")
    return ReplaceRequest(
        cl_ord_id=_cl_ord_id(message, tags.CL_ORD_ID),
        orig_cl_ord_id=_text(message, tags.ORIG_CL_ORD_ID),
        owner=owner,
        symbol=_text(message, tags.SYMBOL),
        side=_side(message),
        qty=_decimal(message, tags.ORDER_QTY),
        price=_price(message, tags.PRICE, use_dollars=use_dollars) if tags.PRICE in message else None,
        time_in_force=TimeInForce(life) if life else None,
        expire_ns=_expire_ns(message),
        order_id=message.text(tags.ORDER_ID),
        named=named(message),
    )


def mass_cancel(message: Message) -> str:
    """Return the ClOrdID of OrderMassCancelRequest(q), which can only mean this session's orders.

    Raises:
        Reject: MassCancelRequestType(530) is not 6, or the id is malformed.
    """
    _one_of(message, tags.MASS_CANCEL_REQUEST_TYPE, ("6",))
    return _cl_ord_id(message, tags.CL_ORD_ID)


def order_group(message: Message) -> GroupRequest:
    """Return what OrderGroupRequest(UOG) asks for.

    Raises:
        Reject: a value is malformed, or not one of its enumeration, or missing for the action.
    """
    action = GroupAction(_one_of(message, ORDER_GROUP_ACTION, list(GroupAction)))
    group_id, limit = message.text(ORDER_GROUP_ID), message.get(ORDER_GROUP_CONTRACTS_LIMIT)
    if (group_id is None) is not (action is GroupAction.CREATE) or (
        group_id and not _UUID.fullmatch(group_id)
    ):
        raise _incorrect(ORDER_GROUP_ID)
    if action.has_limit:
        if limit is None:
            raise FieldError(ORDER_GROUP_CONTRACTS_LIMIT, 1, "Required tag missing, OrderGroupContractsLimit")
        if not 1 <= decode_int(ORDER_GROUP_CONTRACTS_LIMIT, limit) <= MOST_GROUP_CONTRACTS:
            raise _incorrect(ORDER_GROUP_CONTRACTS_LIMIT)
    return GroupRequest(
        action,
        group_id or "",
        Decimal(decode_string(limit)) if limit is not None else Decimal(0),
        named(message),
    )


def quote_request(message: Message, owner: Owner) -> Ask:
    """Return what QuoteRequest(R) asks for; the flags count inside NoRelatedSym(146) alone.

    Raises:
        Reject: a value is malformed, a group is out of order, or it names neither a market nor legs.
    """
    entries = message.group(tags.NO_RELATED_SYM, RELATED_SYM_TAGS)
    if len(entries) != 1:
        raise _incorrect(tags.NO_RELATED_SYM)
    entry, legs = entries[0], _legs(message)
    symbol = entry.text(tags.SYMBOL)
    if symbol is None and legs is None:
        raise FieldError(tags.SYMBOL, 1, "Required tag missing, Symbol(55)")
    return Ask(
        quote_req_id=_text(message, tags.QUOTE_REQ_ID),
        owner=owner,
        symbol=symbol or "",
        qty=_decimal(entry, tags.ORDER_QTY) if tags.ORDER_QTY in entry else None,
        cash=_decimal(entry, tags.CASH_ORDER_QTY) if tags.CASH_ORDER_QTY in entry else None,
        cash_excludes_fees=_flag(entry, TARGET_COST_EXCLUDES_FEES),
        obscured=_flag(entry, OBSCURE_CREATOR_ID),
        rest_remainder=_flag(entry, REST_REMAINDER),
        replaces=_flag(entry, REPLACE_EXISTING),
        legs=legs,
        echo=_echo(message, owner),
    )


def quote(message: Message, owner: Owner, *, use_dollars: bool) -> Offer:
    """Return what Quote(S) offers; arguments and errors as for ``new_order``."""
    instructions = _instructions(message)
    if REDUCE_ONLY in instructions:
        raise _incorrect(tags.EXEC_INST)
    bid, offer = (
        _price(message, tag, use_dollars=use_dollars) if tag in message else Decimal(0)
        for tag in (tags.BID_PX, tags.OFFER_PX)
    )
    return Offer(
        quote_id=_text(message, tags.QUOTE_ID),
        rfq_id=_text(message, tags.QUOTE_REQ_ID),
        owner=owner,
        symbol=_text(message, tags.SYMBOL),
        bid=bid,
        offer=offer,
        post_only=POST_ONLY in instructions,
        rest_remainder=_flag(message, REST_REMAINDER),
        echo=_echo(message, owner),
    )


def accept_quote(message: Message, owner: Owner) -> Acceptance:
    """Return what AcceptQuote(UA) accepts.

    Raises:
        Reject: a value is malformed or not one of its enumeration.
    """
    return Acceptance(
        quote_id=_text(message, tags.QUOTE_ID),
        owner=owner,
        side=_side(message),
        cl_ord_id=_cl_ord_id(message, tags.CL_ORD_ID) if tags.CL_ORD_ID in message else None,
        qty=_decimal(message, tags.ORDER_QTY) if tags.ORDER_QTY in message else None,
        rfq_id=message.text(RFQ_ID),
        prefer_better=_flag(message, PREFER_BETTER_QUOTE),
    )


def _legs(message: Message) -> Legs | None:
    collection = message.text(MULTIVARIATE_COLLECTION_TICKER)
    entries = message.group(NO_MULTIVARIATE_SELECTED_LEGS, LEG_TAGS, LEG_TAGS[0])
    if (collection is None) is not (not entries):
        raise _incorrect(MULTIVARIATE_COLLECTION_TICKER)
    for entry in entries:
        for tag in LEG_TAGS:
            if tag not in entry:
                raise FieldError(tag, 1, f"Required tag missing, {tags.label(tag)}")
    legs = [
        Leg(_text(one, LEG_TAGS[0]), _text(one, LEG_TAGS[1]), _one_of(one, LEG_TAGS[2], ("yes", "no")))
        for one in entries
    ]
    return Legs(collection, tuple(legs)) if collection is not None else None


def _text(message: Message, tag: int) -> str:
    return decode_string(message[tag])


def _decimal(message: Message, tag: int) -> Decimal:
    return decode_decimal(tag, message[tag])


def _flag(message: Message, tag: int) -> bool:
    value = message.get(tag)
    return value is not None and decode_boolean(tag, value)


def _cl_ord_id(message: Message, tag: int) -> str:
    value = _text(message, tag)
    if not _CL_ORD_ID.fullmatch(value):
        raise _incorrect(tag)
    return value


def _side(message: Message) -> Side:
    return Side(_one_of(message, tags.SIDE, list(Side)))


def _price(message: Message, tag: int, *, use_dollars: bool) -> Decimal:
    price = _decimal(message, tag)
    return price if use_dollars else price.quantize(_WHOLE, ROUND_DOWN) / 100


def _one_of(message: Message, tag: int, values: Collection[str], default: str | None = None) -> str:
    """The value of an enumeration; a field without a default is one that the layout requires."""
    value = message.text(tag)
    if value is None and default is not None:
        return default
    if value is None or value not in values:
        raise _incorrect(tag)
    return value


def _instructions(message: Message) -> frozenset[str]:
    words = frozenset((message.text(tags.EXEC_INST) or "").split())
    if words - {POST_ONLY, REDUCE_ONLY}:
        raise _incorrect(tags.EXEC_INST)
    return words


def _expire_ns(message: Message) -> int | None:
    value = message.get(tags.EXPIRE_TIME)
    if value is None:
        return None
    try:
        return parse_utc_timestamp_ns(value)
    except ValueError:
        raise FieldError(
            tags.EXPIRE_TIME, BAD_FORMAT, "Incorrect data format for value, ExpireTime(126)"
        ) from None


def _echo(message: Message, owner: Owner) -> tuple[tuple[int, str], ...]:
    """The subaccount, be it that of the key, then the parties as they came."""
    subaccount = message.text(tags.ALLOC_ACCOUNT) or (str(owner.subaccount) if owner.subaccount else None)
    first = () if subaccount is None else ((tags.ALLOC_ACCOUNT, subaccount),)
    return first + tuple((tag, decode_string(value)) for tag, value in message.pairs() if tag in ECHOED)


def _incorrect(tag: int) -> FieldError:
    return FieldError(tag, VALUE_INCORRECT, f"Value is incorrect for this tag, {tags.label(tag)}")

"""The venue's verdict on a Logon, and the flags that it sets: docs.kalshi.com/fix/authentication.

The checks run in the order in which they stand. Where the venue publishes no text, one is chosen that names
the tag.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from fixgw.errors import FieldError, Reject
from fixgw.fix import tags
from fixgw.fix.message import Message
from fixgw.fix.values import decode_boolean, decode_int, parse_utc_timestamp_ns
from fixgw.session.verdict import Accept, Refuse, Verdict
from fixgw.sim import dialect
from fixgw.sim.accounts import Accounts, Scope
from fixgw.sim.kinds import SessionKind
from fixgw.sim.pki import KeyRegistry, RegisteredKey
from fixgw.sim.product import EVENTS, ProductRules
from fixgw.sim.quirks import RECOMMENDED, Quirks
from fixgw.sim.rates import LogonLimiter

SENDING_TIME_WINDOW_NS = 30 * 1_000_000_000
RETENTION_HOURS = 24
MOST_RETENTION_HOURS = 72

CANCEL_ORDERS_ON_DISCONNECT = 8013
LISTENER_SESSION = 20126
RECEIVE_SETTLEMENT_REPORTS = 20127
MESSAGE_RETENTION_PERIOD = 20200
USE_DOLLARS = 21005
ENABLE_IOC_CANCEL_REPORT = 21007
PRESERVE_ORIGINAL_ORDER_QTY = 21008
SKIP_PENDING_EXEC_REPORTS = 21011
USE_EXPIRED_ORD_STATUS = 21012
ALWAYS_EMIT_NEW_BEFORE_TRADE = 21026
SPLIT_COLLATERAL_RETURN = 21027
USE_CAP_RESERVATION = 21032


@dataclass(frozen=True, slots=True)
class LogonFlags:
    """What a client chose in its Logon; each is named as its tag."""

    use_dollars: bool = False
    enable_ioc_cancel_report: bool = False
    preserve_original_order_qty: bool = False
    skip_pending_exec_reports: bool = False
    use_expired_ord_status: bool = False
    always_emit_new_before_trade: bool = False
    split_collateral_return: bool = False
    use_cap_reservation: bool = False
    cancel_orders_on_disconnect: bool = False
    listener_session: bool = False
    receive_settlement_reports: bool | None = None
    message_retention_hours: int = RETENTION_HOURS

    @classmethod
    def of(cls, logon: Message, rules: ProductRules = EVENTS) -> LogonFlags:
        """Read the flags of a Logon.

        Args:
            logon: the message.
            rules: of the product that is traded.

        Raises:
            FieldError: a flag is neither Y nor N.
        """
        return cls(
            use_dollars=_flag(logon, USE_DOLLARS) or rules.always_dollars,
            enable_ioc_cancel_report=_flag(logon, ENABLE_IOC_CANCEL_REPORT),
            preserve_original_order_qty=_flag(logon, PRESERVE_ORIGINAL_ORDER_QTY),
            skip_pending_exec_reports=_flag(logon, SKIP_PENDING_EXEC_REPORTS),
            use_expired_ord_status=_flag(logon, USE_EXPIRED_ORD_STATUS),
            always_emit_new_before_trade=_flag(logon, ALWAYS_EMIT_NEW_BEFORE_TRADE),
            split_collateral_return=_flag(logon, SPLIT_COLLATERAL_RETURN),
            use_cap_reservation=_flag(logon, USE_CAP_RESERVATION),
            cancel_orders_on_disconnect=_flag(logon, CANCEL_ORDERS_ON_DISCONNECT),
            listener_session=_flag(logon, LISTENER_SESSION),
            receive_settlement_reports=_choice(logon, RECEIVE_SETTLEMENT_REPORTS),
            message_retention_hours=_hours(logon),
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """What a Logon is judged by.

    Args:
        kind: the kind of session that the port serves.
        keys: the API keys that the venue knows.
        live: API keys with a live connection.
        now_ns: the venue's clock, UTC nanoseconds.
        accounts: what each account may do.
        limiter: how often a key may try.
        quirks: what the venue's pages leave open.
        rules: of the product that is traded.
    """

    kind: SessionKind
    keys: KeyRegistry
    live: Collection[str]
    now_ns: int
    accounts: Accounts = field(default_factory=Accounts)
    limiter: LogonLimiter = field(default_factory=LogonLimiter)
    quirks: Quirks = RECOMMENDED
    rules: ProductRules = EVENTS


def judge(logon: Message, gate: Gate) -> Verdict:
    """Return whether a Logon is accepted, and if not, how that is told."""
    try:
        for check in CHECKS:
            refusal = check(logon, gate)
            if refusal is not None:
                return refusal
    except FieldError as error:
        return Refuse.with_reject(error.reason, error.text)
    return Accept()


def _wrong_port(logon: Message, gate: Gate) -> Refuse | None:
    if logon.text(tags.TARGET_COMP_ID) != gate.kind.target_comp_id:
        return Refuse.with_logout("Invalid TargetCompID")
    return None


def _rate(logon: Message, gate: Gate) -> Refuse | None:
    text = gate.limiter.refuse(logon.text(tags.SENDER_COMP_ID) or "", gate.now_ns)
    return Refuse.with_logout(text) if text else None


def _undefined(logon: Message, gate: Gate) -> Refuse | None:
    try:
        dialect.check_admin(logon, gate.rules.absent)
    except Reject as fault:
        return Refuse.with_reject(fault.reason, f"{fault.text} ({fault.ref_tag})")
    return None


def _sub_id(logon: Message, gate: Gate) -> Refuse | None:
    if tags.SENDER_SUB_ID in logon:
        return Refuse.with_logout("SenderSubID(50) is not allowed on Logon")
    return None


def _sending_time(logon: Message, gate: Gate) -> Refuse | None:
    try:
        sent_ns = parse_utc_timestamp_ns(logon.get(tags.SENDING_TIME) or b"")
    except ValueError:
        return Refuse.with_reject(6, "Incorrect data format for value, SendingTime(52)")
    if abs(sent_ns - gate.now_ns) > SENDING_TIME_WINDOW_NS:
        return Refuse.with_reject(10, "SendingTime accuracy problem")
    return None


def _credentials(logon: Message, gate: Gate) -> Refuse | None:
    key = gate.keys.get(logon.text(tags.SENDER_COMP_ID) or "")
    if key is None:
        return Refuse.with_logout("Unknown API key")
    if tags.RAW_DATA_LENGTH not in logon and not gate.quirks.logon_without_length:
        return Refuse.with_logout("Required tag missing, RawDataLength(95)")
    if not _is_signed(logon, key, any_salt_length=gate.quirks.any_salt_length):
        return Refuse.with_logout(gate.quirks.bad_signature_text)
    return None


def _permission(logon: Message, gate: Gate) -> Refuse | None:
    """What the account's tier, the key's scopes and its restriction to one subaccount allow."""
    key = gate.keys.get(logon.text(tags.SENDER_COMP_ID) or "")
    if key is None:
        return None
    account, kind = gate.accounts.of(key.account), gate.kind
    listens = _flag(logon, LISTENER_SESSION)
    scope = Scope.WRITE if kind.writes and not listens else Scope.READ
    if account.tier is not None and not account.tier.has_fix:
        return Refuse.with_logout("API usage level is not allowed for FIX")
    if kind.retransmission and not account.retransmission:
        return Refuse.with_logout(f"{kind.target_comp_id} is not enabled for this account")
    if scope not in key.scopes:
        return Refuse.with_logout(f"the API key has no {scope.value} scope")
    if key.subaccount is not None and (listens or not kind.restricted):
        return Refuse.with_logout("restricted API keys may not use this session")
    return None


def _is_signed(logon: Message, key: RegisteredKey, *, any_salt_length: bool) -> bool:
    """The signature covers 52, 35, 34, 49 and 56 as on the wire, SOH between them and none after."""
    try:
        signature = base64.b64decode(logon.get(tags.RAW_DATA) or b"", validate=True)
    except binascii.Error:
        return False
    covered = (
        tags.SENDING_TIME,
        tags.MSG_TYPE,
        tags.MSG_SEQ_NUM,
        tags.SENDER_COMP_ID,
        tags.TARGET_COMP_ID,
    )
    signed = b"\x01".join(logon.get(tag) or b"" for tag in covered)
    return key.verifies(signature, signed, any_salt_length=any_salt_length)


def _fixed_fields(logon: Message, gate: Gate) -> Refuse | None:
    if logon.get(tags.ENCRYPT_METHOD) != b"0":
        return Refuse.with_logout("EncryptMethod(98) must be 0")
    if logon.get(tags.DEFAULT_APPL_VER_ID) != b"9":
        return Refuse.with_logout("DefaultApplVerID(1137) must be 9")
    heart_bt_int, least = logon.get(tags.HEART_BT_INT), gate.rules.least_heart_bt_int
    if heart_bt_int is None or decode_int(tags.HEART_BT_INT, heart_bt_int) < least:
        return Refuse.with_logout(f"HeartBtInt(108) must be greater than {least - 1}")
    return None


def _reset(logon: Message, gate: Gate) -> Refuse | None:
    if gate.kind.must_reset and not _flag(logon, tags.RESET_SEQ_NUM_FLAG):
        return Refuse.with_logout(f"ResetSeqNumFlag(141) must be Y on {gate.kind.target_comp_id}")
    return None


def _flags(logon: Message, gate: Gate) -> Refuse | None:
    flags = LogonFlags.of(logon)
    if flags.listener_session and not gate.kind.order_entry:
        return Refuse.with_logout("ListenerSession(20126) is not allowed on this session")
    if flags.listener_session and not flags.skip_pending_exec_reports:
        return Refuse.with_logout("ListenerSession(20126) requires SkipPendingExecReports(21011)=Y")
    if flags.cancel_orders_on_disconnect and flags.listener_session:
        return Refuse.with_logout("CancelOrdersOnDisconnect(8013) conflicts with ListenerSession(20126)")
    if flags.cancel_orders_on_disconnect and not gate.kind.order_entry:
        return Refuse.with_logout("CancelOrdersOnDisconnect(8013) is not allowed on this session")
    return None


def _retention(logon: Message, gate: Gate) -> Refuse | None:
    if MESSAGE_RETENTION_PERIOD not in logon:
        return None
    if not gate.kind.retransmission:
        return Refuse.with_logout("MessageRetentionPeriod(20200) is not allowed on this session")
    if not 1 <= _hours(logon) <= MOST_RETENTION_HOURS:
        return Refuse.with_logout(f"MessageRetentionPeriod(20200) must be 1 to {MOST_RETENTION_HOURS}")
    return None


def _second(logon: Message, gate: Gate) -> Refuse | None:
    if logon.text(tags.SENDER_COMP_ID) in gate.live:
        return Refuse.with_logout("already exists")
    return None


CHECKS: tuple[Callable[[Message, Gate], Refuse | None], ...] = (
    _wrong_port,
    _rate,
    _sub_id,
    _sending_time,
    _credentials,
    _undefined,
    _permission,
    _fixed_fields,
    _reset,
    _flags,
    _retention,
    _second,
)


def _flag(logon: Message, tag: int) -> bool:
    return _choice(logon, tag) or False


def _hours(logon: Message) -> int:
    value = logon.get(MESSAGE_RETENTION_PERIOD)
    return RETENTION_HOURS if value is None else decode_int(MESSAGE_RETENTION_PERIOD, value)


def _choice(logon: Message, tag: int) -> bool | None:
    value = logon.get(tag)
    return None if value is None else decode_boolean(tag, value)

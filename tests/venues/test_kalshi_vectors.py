"""Whole frames with their lengths and checksums, computed apart from this code.

Each one is framed, decoded, held against the exported dictionary and the typed classes, read, and written
again byte for byte. The signature's own vectors are in ``test_kalshi_signer``.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixgw.cli.dict import session_dictionary
from fixgw.clock import Now
from fixgw.fix import quickfix_xml
from fixgw.fix.dictionary import Dictionary
from fixgw.fix.framing import Framer
from fixgw.fix.message import FrameEncoder, Message
from fixgw.fix.validate import Rules, Validator
from fixgw.messages import admin
from fixgw.messages.business import BusinessRejectReason
from fixgw.messages.order_entry import ExecType, OrdStatus, Side, TimeInForce
from fixgw.session.handshake import FRESH
from fixgw.session.outcome import Send
from fixgw.session.session import Session
from fixgw.session.state import Role, SessionSettings
from fixgw.sim.pki import KeyRegistry
from fixgw.venues.kalshi import messages as kalshi
from fixgw.venues.kalshi.profile import VENUE
from fixgw.venues.kalshi.signer import KalshiSigner, pre_hash
from tests.venues.test_kalshi_signer import RFC_CONTEXT, RFC_KEY, pem

KEY_ID = "00000000-0000-4000-8000-000000000001"
ORDER = "550e8400-e29b-41d4-a716-446655440000"
MARKET = "HIGHNY-26DEC31"
LONGEST_SALT = 2048 // 8 - 32 - 2  # what a key of 2048 bits has room for, beside a digest of 32 bytes

FRAMES = {
    "logon": (
        "8=FIXT.1.1|9=234|35=A|34=1|49=00000000-0000-4000-8000-000000000001|52=20261009-14:30:00.000|"
        "56=KalshiNR|98=0|108=30|95=88|"
        "96=VNUnxjlSlBltpn5e7fl8BeDzm5wwQ/rovlGKaKgFoGEMN3Vn9vbKSK6r0BBabG6UVRllByl59uwKoa1KxCX8BA==|"
        "141=Y|1137=9|21005=Y|21011=Y|21026=Y|10=214|"
    ),
    "logon reply": (
        "8=FIXT.1.1|9=112|35=A|34=1|49=KalshiNR|52=20261009-14:30:00.012|"
        "56=00000000-0000-4000-8000-000000000001|98=0|108=30|141=Y|1137=9|10=148|"
    ),
    "logout": (
        "8=FIXT.1.1|9=105|35=5|34=1|49=KalshiNR|52=20261009-14:30:00.012|"
        "56=00000000-0000-4000-8000-000000000001|58=already exists|10=078|"
    ),
    "new order": (
        "8=FIXT.1.1|9=176|35=D|34=2|49=00000000-0000-4000-8000-000000000001|52=20261009-14:30:01.000|"
        "56=KalshiNR|11=550e8400-e29b-41d4-a716-446655440000|38=10|40=2|44=0.7500|54=1|"
        "55=HIGHNY-26DEC31|59=1|10=097|"
    ),
    "accepted": (
        "8=FIXT.1.1|9=286|35=8|34=2|49=KalshiNR|52=20261009-14:30:01.004|"
        "56=00000000-0000-4000-8000-000000000001|37=7f1c0f0e-8a33-4d7a-9a39-0b1d5f0c0001|"
        "11=550e8400-e29b-41d4-a716-446655440000|17=104;1|150=0|39=0|54=1|55=HIGHNY-26DEC31|"
        "44=0.7500|38=10.00|151=10.00|14=0.00|6=0.0000|60=20261009-14:30:01.003|30=0|10=011|"
    ),
    "traded": (
        "8=FIXT.1.1|9=441|35=8|34=3|49=KalshiNR|52=20261009-14:30:02.004|"
        "56=00000000-0000-4000-8000-000000000001|37=7f1c0f0e-8a33-4d7a-9a39-0b1d5f0c0001|"
        "11=550e8400-e29b-41d4-a716-446655440000|17=105;3|150=F|39=1|54=1|55=HIGHNY-26DEC31|"
        "44=0.7500|38=10.00|151=6.00|14=4.00|6=0.7500|31=0.7500|32=4.00|60=20261009-14:30:02.003|"
        "30=0|704=4.00|136=1|137=0.05|138=USD|139=4|891=0|1703=1|1704=-3.0500|1705=BALANCE|"
        "880=02cfae92-12f4-4bc6-b613-4806e3604514|1057=N|715=20261009|10=096|"
    ),
    "cancel request": (
        "8=FIXT.1.1|9=156|35=F|34=3|49=00000000-0000-4000-8000-000000000001|52=20261009-14:30:03.000|"
        "56=KalshiNR|11=c1|41=550e8400-e29b-41d4-a716-446655440000|54=1|55=HIGHNY-26DEC31|10=016|"
    ),
    "cancelled": (
        "8=FIXT.1.1|9=290|35=8|34=4|49=KalshiNR|52=20261009-14:30:03.004|"
        "56=00000000-0000-4000-8000-000000000001|37=7f1c0f0e-8a33-4d7a-9a39-0b1d5f0c0001|11=c1|"
        "41=550e8400-e29b-41d4-a716-446655440000|17=106;1|150=4|39=4|54=1|55=HIGHNY-26DEC31|"
        "44=0.7500|38=4.00|151=0.00|14=4.00|6=0.7500|60=20261009-14:30:03.003|30=0|10=255|"
    ),
    "business reject": (
        "8=FIXT.1.1|9=134|35=j|34=6|49=KalshiNR|52=20261009-14:30:05.004|"
        "56=00000000-0000-4000-8000-000000000001|45=5|372=D|379=c3|380=8|58=rate limit exceeded|"
        "10=178|"
    ),
}

CLASSES = {one.MSG_TYPE: one for one in kalshi.MESSAGES} | {"5": admin.Logout}


def wire(name: str) -> bytes:
    return FRAMES[name].encode().replace(b"|", b"\x01")


@pytest.fixture(scope="module")
def validator() -> Validator:
    """The check that the exported dictionaries stand for, read back from their files."""
    dialect = Dictionary.of_messages("kalshi", kalshi.MESSAGES, VENUE.profile.field_names)
    session, application = (
        quickfix_xml.read(quickfix_xml.write(one).encode())
        for one in (session_dictionary().merged(dialect), dialect)
    )
    return Validator(session, {"9": application}, "9", Rules())


@pytest.mark.parametrize("name", FRAMES)
class TestEachFrame:
    def test_has_the_right_length_and_checksum(self, name: str) -> None:
        assert Framer().feed(wire(name)) == [wire(name)]

    def test_is_written_again_byte_for_byte(self, name: str) -> None:
        message = Message.decode(wire(name))
        sender, target = message.text(49), message.text(56)
        assert sender is not None
        assert target is not None
        encoder = FrameEncoder("FIXT.1.1", sender, target)
        assert encoder.encode(message, int(message[34]), message[52]) == wire(name)

    def test_is_valid_by_its_class(self, name: str) -> None:
        message = Message.decode(wire(name))
        CLASSES[message.msg_type].view(message).check()

    def test_is_valid_by_the_exported_dictionary(self, name: str, validator: Validator) -> None:
        validator.check(Message.decode(wire(name)))


def read(name: str) -> Message:
    return Message.decode(wire(name))


def test_the_session_writes_that_logon_from_its_key_and_its_clock() -> None:
    sent_at = datetime(2026, 10, 9, 14, 30, tzinfo=UTC)
    options = {"use_dollars": True, "skip_pending_exec_reports": True, "always_emit_new_before_trade": True}
    settings = SessionSettings(
        name="orders",
        role=Role.INITIATOR,
        sender_comp_id=KEY_ID,
        target_comp_id="KalshiNR",
        signer=KalshiSigner(pem(RFC_KEY)),
        logon_fields=tuple(VENUE.logon_fields(VENUE.profile.kinds["orders-nr"], options)),
        reset_on_logon=True,
    )
    steps = Session(settings, FRESH).dial(Now(0.0, int(sent_at.timestamp()) * 10**9)).steps
    (sent,) = [step.wire for step in steps if isinstance(step, Send)]
    # In another order of the body, which changes neither length nor checksum.
    assert sorted(sent.split(b"\x01")) == sorted(wire("logon").split(b"\x01"))


def test_a_logon_says_what_was_asked_for() -> None:
    logon = kalshi.Logon.view(read("logon"))
    assert (logon.heart_bt_int, logon.reset_seq_num_flag, logon.default_appl_ver_id) == (30, True, "9")
    assert (logon.use_dollars, logon.skip_pending_exec_reports) == (True, True)
    assert logon.raw_data is not None
    assert len(logon.raw_data) == 88


def test_an_order_says_what_is_wanted() -> None:
    order = kalshi.NewOrderSingle.view(read("new order"))
    assert (order.cl_ord_id, order.symbol, order.side) == (ORDER, MARKET, Side.BUY)
    assert (order.order_qty, order.price) == (Decimal(10), Decimal("0.75"))
    assert order.time_in_force is TimeInForce.GOOD_TILL_CANCEL


def test_a_trade_says_all_that_it_moved() -> None:
    report = kalshi.ExecutionReport.view(read("traded"))
    assert (report.exec_type, report.ord_status) == (ExecType.TRADE, OrdStatus.PARTIALLY_FILLED)
    assert (report.last_px, report.last_qty) == (Decimal("0.7500"), Decimal("4.00"))
    assert (report.cum_qty, report.leaves_qty, report.long_qty) == (Decimal(4), Decimal(6), Decimal(4))
    assert [fee.misc_fee_amt for fee in report.misc_fees] == [Decimal("0.05")]
    (change,) = report.collateral_amount_changes
    assert change.collateral_amount_change == Decimal("-3.05")
    assert change.collateral_amount_type is kalshi.CollateralAmountType.BALANCE


def test_a_cancel_names_the_order_and_its_report_both_ids() -> None:
    request = kalshi.OrderCancelRequest.view(read("cancel request"))
    report = kalshi.ExecutionReport.view(read("cancelled"))
    assert (request.cl_ord_id, request.orig_cl_ord_id) == ("c1", ORDER)
    assert (report.cl_ord_id, report.orig_cl_ord_id, report.leaves_qty) == ("c1", ORDER, Decimal(0))


def test_a_message_over_the_limit_is_named() -> None:
    reject = kalshi.BusinessMessageReject.view(read("business reject"))
    assert reject.business_reject_reason is BusinessRejectReason.THROTTLE_LIMIT_EXCEEDED
    assert (reject.ref_seq_num, reject.business_reject_ref_id) == (5, "c3")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class TestTheVenueChecks:
    """The real signer on one side, the simulated venue's own check on the other."""

    def accepted(self, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, signature: bytes) -> bool:
        registry = KeyRegistry()
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        registry.add(KEY_ID, public)
        known = registry.get(KEY_ID)
        assert known is not None
        return known.verifies(signature, pre_hash(RFC_CONTEXT))

    def test_the_signature_in_that_logon(self) -> None:
        assert self.accepted(RFC_KEY, base64.b64decode(read("logon")[96]))

    def test_what_the_signer_signs(self, key: rsa.RSAPrivateKey) -> None:
        (_, (_, value)) = KalshiSigner(pem(key)).logon_fields(RFC_CONTEXT)
        assert isinstance(value, bytes)
        assert self.accepted(key, base64.b64decode(value))

    @pytest.mark.parametrize("salt_length", [0, 20, 31, 33, LONGEST_SALT])
    def test_no_other_salt(self, key: rsa.RSAPrivateKey, salt_length: int) -> None:
        other = padding.PSS(padding.MGF1(SHA256()), salt_length)
        assert not self.accepted(key, key.sign(pre_hash(RFC_CONTEXT), other, SHA256()))

    def test_no_other_padding(self, key: rsa.RSAPrivateKey) -> None:
        assert not self.accepted(key, key.sign(pre_hash(RFC_CONTEXT), padding.PKCS1v15(), SHA256()))

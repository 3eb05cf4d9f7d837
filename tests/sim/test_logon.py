"""The venue's verdict on a Logon: each refusal, and what is accepted."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fixgw.fix.message import Message
from fixgw.session.verdict import Accept, Answer, Refuse
from fixgw.sim.accounts import Accounts, AccountSpec, Tier
from fixgw.sim.kinds import DC, NR, PT, RT, SessionKind
from fixgw.sim.logon import Gate, LogonFlags, judge
from fixgw.sim.pki import KeyRegistry
from tests.sim.desk import NOON, SECOND
from tests.sim.frames import message

# Appendix B of the reference: RFC 8032 test 1 as the key.
KEY_ID = "00000000-0000-4000-8000-000000000001"
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
SAMPLE = (
    "35=A|34=1|49=00000000-0000-4000-8000-000000000001|52=20261009-14:30:00.000|56=KalshiNR|98=0|108=30|95=88"
    "|96=VNUnxjlSlBltpn5e7fl8BeDzm5wwQ/rovlGKaKgFoGEMN3Vn9vbKSK6r0BBabG6UVRllByl59uwKoa1KxCX8BA=="
    "|141=Y|1137=9|21005=Y|21011=Y|21026=Y"
)


def gate() -> Gate:
    keys = KeyRegistry()
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    keys.add(KEY_ID, public, "desk")
    return Gate(NR, keys, frozenset(), NOON)


def logon(kind: str = "KalshiNR", sent: str = "20261009-14:30:00.000", **changes: str | None) -> Message:
    """A good Logon, signed; then changed. ``t108="3"`` sets a tag, ``t141=None`` removes one."""
    pre_hash = "\x01".join((sent, "A", "1", KEY_ID, kind))
    signature = base64.b64encode(KEY.sign(pre_hash.encode())).decode()
    built = message(
        f"35=A|34=1|49={KEY_ID}|52={sent}|56={kind}|98=0|108=30|95={len(signature)}|96={signature}|141=Y|1137=9"
    )
    if "t96" in changes:
        built.remove(95)
    for name, value in changes.items():
        if value is None:
            built.remove(int(name[1:]))
        else:
            built.set(int(name[1:]), value)
    return built


def refusal(built: Message, at: Gate | None = None) -> Refuse:
    verdict = judge(built, at or gate())
    assert isinstance(verdict, Refuse)
    return verdict


def test_the_sample_of_the_reference_is_accepted() -> None:
    assert judge(message(SAMPLE), gate()) == Accept()


def test_raw_data_length_may_be_missing() -> None:
    assert judge(logon(t95=None), gate()) == Accept()


class TestIdentity:
    @pytest.mark.parametrize("called", ["KalshiRT", "KalshiDC", "kalshinr"])
    def test_the_port_serves_one_session_type(self, called: str) -> None:
        assert refusal(logon(kind=called)) == Refuse.with_logout("Invalid TargetCompID")

    def test_sender_sub_id_is_forbidden(self) -> None:
        verdict = refusal(logon(t50="operator"))
        assert (verdict.answer, "SenderSubID(50)" in verdict.text) == (Answer.LOGOUT, True)

    def test_unknown_key(self) -> None:
        assert refusal(logon(t49="nobody")) == Refuse.with_logout("Unknown API key")
        assert refusal(logon(t49=None)) == Refuse.with_logout("Unknown API key")

    @pytest.mark.parametrize(
        "changes",
        [
            {"t34": "2"},
            {"t52": "20261009-14:30:00.001"},
            {"t96": "AAAA"},
            {"t96": "not base64!"},
            {"t96": None},
        ],
    )
    def test_the_signature_covers_what_it_has_to(self, changes: dict[str, Any]) -> None:
        assert refusal(logon(**changes)) == Refuse.with_logout("Invalid signature")

    def test_a_tier_without_fix(self) -> None:
        at = replace(gate(), accounts=Accounts([AccountSpec("desk", tier=Tier.EXPERT)]))
        assert refusal(logon(), at) == Refuse.with_logout("API usage level is not allowed for FIX")

    def test_a_second_connection_of_the_key(self) -> None:
        assert refusal(logon(), replace(gate(), live={KEY_ID})) == Refuse.with_logout("already exists")

    def test_only_the_keys_owner_learns_that_it_is_connected(self) -> None:
        verdict = refusal(logon(t96="AAAA"), replace(gate(), live={KEY_ID}))
        assert verdict.text == "Invalid signature"


class TestSendingTime:
    @pytest.mark.parametrize("seconds", [-30, 30])
    def test_half_a_minute_is_accepted(self, seconds: int) -> None:
        assert judge(logon(), replace(gate(), now_ns=NOON + seconds * SECOND)) == Accept()

    @pytest.mark.parametrize("offset_ns", [-30 * SECOND - 1, 30 * SECOND + 1])
    def test_more_is_refused_with_a_reject(self, offset_ns: int) -> None:
        verdict = refusal(logon(), replace(gate(), now_ns=NOON + offset_ns))
        assert verdict == Refuse.with_reject(10, "SendingTime accuracy problem")

    @pytest.mark.parametrize("changes", [{"t52": "yesterday"}, {"t52": None}])
    def test_what_is_no_time(self, changes: dict[str, Any]) -> None:
        assert refusal(logon(**changes)).reason == 6


class TestFields:
    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"t98": "1"}, "EncryptMethod(98)"),
            ({"t98": None}, "EncryptMethod(98)"),
            ({"t1137": "8"}, "DefaultApplVerID(1137)"),
            ({"t1137": None}, "DefaultApplVerID(1137)"),
            ({"t108": "3"}, "HeartBtInt(108)"),
            ({"t108": None}, "HeartBtInt(108)"),
            ({"t141": "N"}, "ResetSeqNumFlag(141) must be Y on KalshiNR"),
            ({"t141": None}, "ResetSeqNumFlag(141) must be Y on KalshiNR"),
            ({"t20126": "Y"}, "SkipPendingExecReports(21011)=Y"),
            ({"t20126": "Y", "t21011": "Y", "t8013": "Y"}, "conflicts with ListenerSession(20126)"),
            ({"t20200": "24"}, "MessageRetentionPeriod(20200)"),
        ],
    )
    def test_refused_with_a_logout_that_names_the_tag(self, changes: dict[str, Any], says: str) -> None:
        verdict = refusal(logon(**changes))
        assert verdict.answer is Answer.LOGOUT
        assert says in verdict.text

    @pytest.mark.parametrize("changes", [{"t108": "soon"}, {"t141": "yes"}, {"t21005": "1"}])
    def test_malformed_values_are_refused_with_a_reject(self, changes: dict[str, Any]) -> None:
        assert refusal(logon(**changes)).answer is Answer.REJECT
        assert refusal(logon(**changes)).reason == 6

    def test_least_heartbeat(self) -> None:
        assert judge(logon(t108="4"), gate()) == Accept()

    @pytest.mark.parametrize("kind", [RT, PT])
    def test_where_messages_are_kept_a_reset_is_optional(self, kind: SessionKind) -> None:
        at = replace(gate(), kind=kind)
        assert judge(logon(kind=at.kind.target_comp_id, t141=None), at) == Accept()

    @pytest.mark.parametrize(("hours", "fits"), [("1", True), ("72", True), ("0", False), ("73", False)])
    def test_retention(self, hours: str, fits: bool) -> None:
        at = replace(gate(), kind=RT)
        assert isinstance(judge(logon(kind="KalshiRT", t20200=hours), at), Accept) is fits

    @pytest.mark.parametrize("changes", [{"t20126": "Y", "t21011": "Y"}, {"t8013": "Y"}])
    def test_flags_of_order_entry_are_refused_elsewhere(self, changes: dict[str, Any]) -> None:
        verdict = refusal(logon(kind="KalshiDC", **changes), replace(gate(), kind=DC))
        assert "not allowed on this session" in verdict.text

    def test_a_listener_is_accepted(self) -> None:
        assert judge(logon(t20126="Y", t21011="Y"), gate()) == Accept()


def test_flags_are_read_by_their_tags() -> None:
    names = {
        "use_dollars": 21005,
        "enable_ioc_cancel_report": 21007,
        "preserve_original_order_qty": 21008,
        "skip_pending_exec_reports": 21011,
        "use_expired_ord_status": 21012,
        "always_emit_new_before_trade": 21026,
        "cancel_orders_on_disconnect": 8013,
        "listener_session": 20126,
        "receive_settlement_reports": 20127,
    }
    for name, tag in names.items():
        assert LogonFlags.of(message(f"35=A|{tag}=Y")) == replace(LogonFlags(), **{name: True})
        assert not getattr(LogonFlags.of(message(f"35=A|{tag}=N")), name)

"""The session-level messages."""

from __future__ import annotations

import pytest

from fixgw.fix.message import Message
from fixgw.fix.schema import TypedMessage
from fixgw.messages.admin import (
    EncryptMethod,
    Heartbeat,
    Logon,
    Logout,
    Reject,
    ResendRequest,
    SequenceReset,
    SessionRejectReason,
    TestRequest,
)
from tests.fix.samples import LOGON, LOGON_REPLY, REFUSAL


def test_a_logon_is_read_and_its_repr_shows_no_signature() -> None:
    logon = Logon.view(Message.decode(LOGON))
    assert (logon.encrypt_method, logon.heart_bt_int, logon.reset_seq_num_flag) == (
        EncryptMethod.NONE,
        30,
        True,
    )
    assert logon.default_appl_ver_id == "9"
    assert logon.raw_data is not None
    assert logon.raw_data.startswith(b"VNUnxj")
    assert "VNUnxj" not in repr(logon)
    Logon.view(Message.decode(LOGON_REPLY)).check()


def test_a_refusal_is_read() -> None:
    logout = Logout.view(Message.decode(REFUSAL))
    logout.check()
    assert logout.text == "already exists"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Logon(heart_bt_int=30, raw_data=b"s"), "35=A|98=0|108=30|95=1|96=s"),
        (Logout(), "35=5"),
        (Heartbeat(test_req_id="t"), "35=0|112=t"),
        (TestRequest(test_req_id="t"), "35=1|112=t"),
        (ResendRequest(begin_seq_no=3, end_seq_no=0), "35=2|7=3|16=0"),
        (
            Reject(
                ref_seq_num=2, ref_tag_id=44, session_reject_reason=SessionRejectReason.INCORRECT_DATA_FORMAT
            ),
            "35=3|45=2|371=44|373=6",
        ),
        (SequenceReset(gap_fill_flag=True, new_seq_no=9), "35=4|123=Y|36=9"),
    ],
)
def test_each_is_written_as_declared(message: TypedMessage, text: str) -> None:
    assert b"|".join(message.message.fields).decode() == text
    message.check()

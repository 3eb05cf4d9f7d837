"""The echo acceptor as its command line promises it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from tests.acceptance.peer import Pairs, TcpPeer, frame, logon
from tests.acceptance.process import EXAMPLE, echo_acceptor

pytestmark = pytest.mark.slow

OLD = "FIX.4.4"
DICTIONARY = """
<fix type="FIX" major="4" minor="4">
 <header>
  <field name="BeginString" required="Y"/> <field name="BodyLength" required="Y"/>
  <field name="MsgType" required="Y"/> <field name="SenderCompID" required="Y"/>
  <field name="TargetCompID" required="Y"/> <field name="MsgSeqNum" required="Y"/>
  <field name="PossResend" required="N"/> <field name="SendingTime" required="Y"/>
 </header>
 <trailer> <field name="CheckSum" required="Y"/> </trailer>
 <messages>
  <message name="Logon" msgtype="A" msgcat="admin">
   <field name="EncryptMethod" required="Y"/> <field name="HeartBtInt" required="Y"/>
  </message>
  <message name="Logout" msgtype="5" msgcat="admin"/>
  <message name="NewOrderSingle" msgtype="D" msgcat="app">
   <field name="ClOrdID" required="Y"/> <field name="Symbol" required="N"/> <field name="Side" required="N"/>
   <group name="NoPartyIDs" required="N">
    <field name="PartyID" required="N"/>
    <group name="NoPartySubIDs" required="N"> <field name="PartySubID" required="N"/> </group>
   </group>
  </message>
  <message name="News" msgtype="B" msgcat="app"> <field name="Headline" required="Y"/> </message>
 </messages>
 <components/>
 <fields>
  <field number="8" name="BeginString" type="STRING"/> <field number="9" name="BodyLength" type="LENGTH"/>
  <field number="10" name="CheckSum" type="STRING"/> <field number="11" name="ClOrdID" type="STRING"/>
  <field number="34" name="MsgSeqNum" type="SEQNUM"/> <field number="35" name="MsgType" type="STRING"/>
  <field number="49" name="SenderCompID" type="STRING"/>
  <field number="52" name="SendingTime" type="UTCTIMESTAMP"/>
  <field number="54" name="Side" type="CHAR"> <value enum="1" description="BUY"/> </field>
  <field number="55" name="Symbol" type="STRING"/> <field number="56" name="TargetCompID" type="STRING"/>
  <field number="97" name="PossResend" type="BOOLEAN"/> <field number="98" name="EncryptMethod" type="INT"/>
  <field number="108" name="HeartBtInt" type="INT"/> <field number="148" name="Headline" type="STRING"/>
  <field number="448" name="PartyID" type="STRING"/> <field number="453" name="NoPartyIDs" type="NUMINGROUP"/>
  <field number="523" name="PartySubID" type="STRING"/>
  <field number="802" name="NoPartySubIDs" type="NUMINGROUP"/>
 </fields>
</fix>
"""


def order(number: int, *pairs: Pairs, begin_string: str = "FIXT.1.1") -> bytes:
    return frame("D", number, *pairs, begin_string=begin_string)


async def ended(peer: TcpPeer) -> None:
    """Leave, and let the loop see to it before it is blocked."""
    peer.close()
    await peer.writer.wait_closed()


async def test_it_echoes_orders_once_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    with echo_acceptor("--target", "TW", log=tmp_path / "log") as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(
            logon()
            + order(2, (55, "X"), (11, "one"))
            + order(3, (97, True), (11, "one"))
            + order(4, (97, True), (11, "two"))
            + frame("B", 5, (148, "news"))
        )
        said = [await peer.hear() for _ in range(4)]
        assert [message.msg_type for message in said] == ["A", "D", "D", "j"]
        assert said[1].pairs()[-2:] == [(55, b"X"), (11, b"one")]
        assert (said[2].text(97), said[2].text(11)) == ("Y", "two")
        assert [said[3].text(tag) for tag in (45, 58, 372, 380)] == [
            "5",
            "Unsupported Message Type",
            "B",
            "3",
        ]
        await ended(peer)


async def test_with_a_dictionary_it_checks_and_puts_fields_in_order_but_keeps_groups(tmp_path: Path) -> None:
    (tmp_path / "FIX44.xml").write_text(DICTIONARY)
    arguments = ("--begin-string", OLD, "--app-dictionary", tmp_path / "FIX44.xml", "--target", "TW")
    parties: list[Pairs] = [(453, 2), (448, "a"), (802, 1), (523, "b"), (448, "c"), (802, 1), (523, "d")]
    with echo_acceptor(*arguments, log=tmp_path / "log") as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon(begin_string=OLD))
        assert (await peer.hear()).msg_type == "A"
        await peer.say(order(2, *parties, (55, "X"), (54, "1"), (11, "one"), begin_string=OLD))
        echo = await peer.hear()
        assert [tag for tag, _ in echo.pairs()][-10:] == [11, 54, 55, 453, 448, 802, 523, 448, 802, 523]
        assert [value for _, value in echo.pairs()][-6:] == [b"a", b"1", b"b", b"c", b"1", b"d"]
        await peer.say(order(3, (11, "two"), (54, "9"), begin_string=OLD))
        refusal = await peer.hear()
        assert (refusal.msg_type, refusal.text(371), refusal.text(373)) == ("3", "54", "5")
        await ended(peer)


async def test_another_version_of_the_application_is_told_which_one_is_spoken(tmp_path: Path) -> None:
    with echo_acceptor("--target", "TW", log=tmp_path / "log") as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(frame("A", 1, (98, "0"), (108, 30), (1137, "7")))
        refusal = await peer.hear()
        assert refusal.msg_type == "5"
        assert "9" in (refusal.text(58) or "")
        await peer.ended()


async def test_a_store_keeps_numbers_over_a_restart(tmp_path: Path) -> None:
    arguments = ("--target", "TW", "--reset-on", "never", "--store", tmp_path / "store")
    for number, expected in ((1, 1), (3, 3)):
        with echo_acceptor(*arguments, log=tmp_path / "log") as acceptor:
            peer = await TcpPeer.dial(acceptor.port)
            await peer.say(frame("A", number, (98, "0"), (108, 30), (1137, "9")))
            assert (await peer.hear()).msg_seq_num == expected
            await peer.say(frame("5", number + 1))
            await peer.ended()


async def test_options_of_the_session_reach_it(tmp_path: Path) -> None:
    arguments = ("--target", "TW", "--time-precision", "us", "--last-processed", "--resend-chunk", "2")
    with echo_acceptor(*arguments, log=tmp_path / "log") as acceptor:
        peer = await TcpPeer.dial(acceptor.port)
        await peer.say(logon())
        reply = await peer.hear()
        assert len(str(reply.text(52)).partition(".")[2]) == 6
        assert reply.text(369) == "1"
        await peer.say(frame("0", 9))
        request = await peer.hear()
        assert [request.text(tag) for tag in (35, 7, 16)] == ["2", "2", "3"]
        await ended(peer)


async def test_it_speaks_tls_to_clients_that_show_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "chain", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    leaf.cert_chain_pems[0].write_to_path(files["chain"])
    leaf.private_key_pem.write_to_path(files["key"])
    tls = ("--certificate", files["chain"], "--key", files["key"], "--client-ca", files["ca"])
    with echo_acceptor("--target", "TW", *tls, log=tmp_path / "log") as acceptor:
        context = ssl.create_default_context(cafile=str(files["ca"]))
        authority.issue_cert("desk.example").configure_cert(context)
        peer = await TcpPeer.dial(acceptor.port, context)
        await peer.say(logon())
        assert (await peer.hear()).msg_type == "A"
        await ended(peer)
        anonymous = await TcpPeer.dial(acceptor.port, ssl.create_default_context(cafile=str(files["ca"])))
        await anonymous.say(logon())
        assert await anonymous.ended() == b""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--app-dictionary", "{}/broken.xml"], 1, "broken.xml"),
        (["--port", "99999"], 1, "can not listen on 127.0.0.1:99999"),
        (["--client-ca", "ca.pem"], 2, "--client-ca has no effect without --certificate"),
        (["--transport-dictionary", "FIXT11.xml"], 2, "has no effect without --app-dictionary"),
        (["--max-pending", "0"], 1, "with max_pending 0 nobody could log on"),
    ],
)
def test_what_can_not_be_used_is_said_in_words(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "broken.xml").write_text("<fix>")
    done = subprocess.run(
        [sys.executable, EXAMPLE, *(argument.format(tmp_path) for argument in arguments)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr

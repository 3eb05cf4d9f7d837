"""Sessions of any counterparty, dialled and served, from the file to the wire."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from fixgw.config.build import build
from fixgw.config.check import check
from fixgw.config.problems import Level
from fixgw.config.settings import Loaded, load_settings
from fixgw.errors import LocalError
from fixgw.fix.message import Message
from fixgw.handlers.base import Context, Handler
from tests.settings import change

SECRETS = {"PASSWORD": "open sesame", "WRONG": "open barley"}
PORT = 9880

GOOD = """\
defaults:
  venue: generic
  kind: session
  store: { kind: memory }
  connect: { host: 127.0.0.1, port: 9880, tls: off }
sessions:
  - name: desk
    sender: DESK
    target: GATE
    username: me
    password: ${env:PASSWORD}
  - name: gate
    role: acceptor
    sender: GATE
    target: DESK
    username: me
    password: ${env:PASSWORD}
    listen: { port: 9880 }
"""

HEADER = "<header><field name='MsgType' required='Y'/>{}</header><trailer/>"
FIELDS = "".join(
    f"<field number='{tag}' name='{name}' type='{kind}'/>"
    for tag, name, kind in (
        (8, "BeginString", "STRING"),
        (9, "BodyLength", "LENGTH"),
        (10, "CheckSum", "STRING"),
        (34, "MsgSeqNum", "SEQNUM"),
        (35, "MsgType", "STRING"),
        (49, "SenderCompID", "STRING"),
        (52, "SendingTime", "UTCTIMESTAMP"),
        (56, "TargetCompID", "STRING"),
        (58, "Text", "STRING"),
        (98, "EncryptMethod", "INT"),
        (108, "HeartBtInt", "INT"),
        (141, "ResetSeqNumFlag", "BOOLEAN"),
        (148, "Headline", "STRING"),
        (553, "Username", "STRING"),
        (554, "Password", "STRING"),
        (1137, "DefaultApplVerID", "STRING"),
    )
)
IN_HEADER = "".join(
    f"<field name='{name}' required='Y'/>"
    for name in ("BeginString", "BodyLength", "MsgSeqNum", "SenderCompID", "SendingTime", "TargetCompID")
)
LOGON = "".join(
    f"<field name='{name}' required='N'/>"
    for name in ("EncryptMethod", "HeartBtInt", "ResetSeqNumFlag", "Username", "Password", "DefaultApplVerID")
)


def write(base: Path, changes: dict[str, Any] | None = None) -> Loaded:
    data = yaml.safe_load(GOOD)
    change(data, changes or {})
    file = base / "sessions.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return load_settings(file, SECRETS)


def on_a_free_port(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return {"defaults.connect.port": port, "sessions.1.listen.port": port, **(changes or {})}


class Inbox(Handler):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.headlines: list[bytes | None] = []
        self.came = asyncio.Event()

    def on_message(self, message: Message, ctx: Context) -> None:
        self.headlines.append(message.get(148))
        self.came.set()


@pytest.mark.parametrize("begin_string", ["FIXT.1.1", "FIX.4.4", "FIX.4.2"])
async def test_one_gateway_dials_and_serves_any_counterparty(tmp_path: Path, begin_string: str) -> None:
    loaded = write(tmp_path, on_a_free_port({"defaults.begin_string": begin_string}))
    inbox = Inbox()
    async with build(loaded, handlers={"gate": inbox}, timeout=10.0) as gateway:
        gateway["desk"].send(Message("B", [(148, "hello")]))
        async with asyncio.timeout(10):
            await inbox.came.wait()
        assert gateway.served["gate"].active
        assert inbox.headlines == [b"hello"]
        frame = next(r.payload for r in gateway["desk"].link.store.records if b"\x01554=" in r.payload)  # type: ignore[attr-defined]
        assert b"open sesame" not in frame


@pytest.mark.parametrize(
    "changes",
    [
        {"sessions.0.password": "${env:WRONG}"},
        {"sessions.0.password": ...},
        {"sessions.0.username": "you"},
        {"sessions.0.sender": "NOBODY"},
    ],
    ids=["wrong password", "no password", "wrong user", "wrong sender"],
)
async def test_a_peer_that_shows_the_wrong_credentials_is_closed_without_a_word(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    changes["sessions.0.reconnect"] = {"base_seconds": 30, "cap_seconds": 30}
    loaded = write(tmp_path, on_a_free_port(changes))
    async with build(loaded, wait="none") as gateway, asyncio.timeout(20):
        while not gateway["desk"].why:  # noqa: ASYNC110 (nothing tells of a refused Logon)
            await asyncio.sleep(0.01)
        assert "the peer closed before it answered the Logon" in gateway["desk"].why


async def test_messages_are_checked_against_the_dictionaries(tmp_path: Path) -> None:
    transport = f"<fix type='FIXT' major='1' minor='1' servicepack='0'>{HEADER.format(IN_HEADER)}<messages>"
    transport += f"<message name='Logon' msgtype='A' msgcat='admin'>{LOGON}</message></messages>"
    transport += f"<components/><fields>{FIELDS}</fields></fix>"
    application = "<fix type='FIX' major='5' minor='0' servicepack='2'><header/><trailer/><messages>"
    application += "<message name='News' msgtype='B' msgcat='app'><field name='Headline' required='Y'/>"
    application += f"</message></messages><components/><fields>{FIELDS}</fields></fix>"
    (tmp_path / "FIXT11.xml").write_text(transport)
    (tmp_path / "FIX50SP2.xml").write_text(application)
    dictionary = {
        "transport": "FIXT11.xml",
        "application": "FIX50SP2.xml",
        "rules": {"user_defined_tags": True},
    }
    loaded = write(tmp_path, on_a_free_port({"sessions.1.dictionary": dictionary}))
    assert [problem for problem in check(loaded) if "dictionary" in problem.where] == []
    inbox = Inbox()
    async with build(loaded, handlers={"gate": inbox}, timeout=10.0) as gateway:
        gateway["desk"].send(Message("B", [(58, "no headline")]))
        gateway["desk"].send(Message("B", [(148, "good"), (9999, "ours")]))
        async with asyncio.timeout(10):
            await inbox.came.wait()
        assert inbox.headlines == [b"good"]
        assert gateway.snapshot().sessions["gate"].session.tally.rejects_out == 1
        assert gateway.served["gate"].settings.accepted_appl_ver_ids == {"9"}


@pytest.mark.parametrize(("word", "tolerated"), [("strict", False), ("lenient", True)])
def test_one_word_stands_for_every_rule(tmp_path: Path, word: str, tolerated: bool) -> None:
    loaded = write(tmp_path, {"sessions.0.dictionary": {"application": "x.xml", "rules": word}})
    section = loaded.settings.sessions[0].dictionary
    assert section is not None
    assert set(section.rules.model_dump().values()) == {tolerated}


CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"sessions.1.listen": ...}, "sessions[1].listen", "nobody says where to listen", "listen: {port"),
    (
        {"sessions.0.listen": {"port": PORT}},
        "sessions[0].listen",
        "'listen' is for a session",
        "role: acceptor",
    ),
    (
        {"sessions.0.peer_certificates": "ab" * 32},
        "sessions[0].peer_certificates",
        "its peer opens",
        "remove",
    ),
    ({"sessions.1.kind": "orders"}, "sessions[1].kind", "keeps no order book", "kind: session"),
    ({"sessions.1.listen.host": "0.0.0.0"}, "sessions[1].listen.tls", "unencrypted", "allow_plain_remote"),
    (
        {"sessions.1.listen.tls": {"certificate": "a.pem", "key_file": "b.pem"}},
        "sessions[1].listen.tls",
        "the TLS certificate or its key can not be used",
        "PEM chain",
    ),
    (
        {"sessions.1.peer_certificates": "ab" * 32},
        "sessions[1].peer_certificates",
        "no peer is asked for a certificate",
        "client_ca",
    ),
    (
        {"sessions.2": {}, "sessions.1.listen.max_pending": 5},
        "sessions[2].listen",
        "gate and more share a port, and say different things",
        "in defaults",
    ),
    (
        {"sessions.2": {}, "sessions.2.target": "DESK"},
        "sessions[2].target",
        "a Logon for gate could be one for more",
        "CompIDs of its own",
    ),
    ({"sessions.0.key_file": "k.pem"}, "sessions[0].key_file", "does not exist", "path"),
    ({"sessions.0.connect": {"port": None}}, "sessions[0].connect.port", "which port", "connect.port"),
    ({"sessions.0.connect": {"host": None}}, "sessions[0].connect.host", "where to connect", "connect.host"),
    ({"sessions.0.environment": "demo"}, "sessions[0].environment", "no environment", "leave it out"),
    (
        {"sessions.0.cancel_on_disconnect": True},
        "sessions[0].cancel_on_disconnect",
        "no Logon option cancel_on_disconnect",
        "",
    ),
    (
        {"sessions.0.dictionary": {"application": "x.xml"}},
        "sessions[0].dictionary",
        "FIXT.1.1 has a dictionary of its own",
        "dictionary.transport",
    ),
    (
        {
            "sessions.0.dictionary": {"application": "x.xml", "transport": "y.xml"},
            "defaults.begin_string": "FIX.4.4",
        },
        "sessions[0].dictionary",
        "FIX.4.4 has one dictionary",
        "remove dictionary.transport",
    ),
    (
        {"sessions.0.dictionary": {"application": "x.xml"}, "defaults.begin_string": "FIX.4.4"},
        "sessions[0].dictionary",
        "the dictionary can not be read: No such file",
        "correct the path",
    ),
    (
        {"sessions.0.dictionary": {"application": "sessions.yaml"}, "defaults.begin_string": "FIX.4.4"},
        "sessions[0].dictionary",
        "sessions.yaml",
        "",
    ),
]


@pytest.mark.parametrize(("changes", "path", "what", "remedy"), CASES, ids=[case[2] for case in CASES])
def test_a_clash_is_an_error_with_place_and_remedy(
    tmp_path: Path, changes: dict[str, Any], path: str, what: str, remedy: str
) -> None:
    if "sessions.2" in changes:
        more = {
            "name": "more",
            "role": "acceptor",
            "sender": "GATE",
            "target": "OTHER",
            "listen": {"port": PORT},
        }
        changes = {**changes, "sessions.2": more}
    data = yaml.safe_load(GOOD)
    if "sessions.2" in changes:
        data["sessions"].append(changes.pop("sessions.2"))
    change(data, changes)
    file = tmp_path / "sessions.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    problems = [p for p in check(load_settings(file, SECRETS)) if p.level is Level.ERROR]
    assert [problem.where.split(" ", 1)[1] for problem in problems] == [path], problems
    assert what in problems[0].what
    assert remedy in problems[0].remedy


def test_a_network_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="is no network"):
        write(tmp_path, {"sessions.1.listen.allow": ["10.0.0.1/8"]})


def test_only_some_venues_are_dialled_by_their_clients_alone(tmp_path: Path) -> None:
    changes = {
        "sessions.1.venue": "kalshi",
        "sessions.1.kind": "post-trade",
        "sessions.1.key": "${env:WRONG}",
    }
    problems = check(write(tmp_path, changes))
    assert "kalshi does not connect to its clients" in [problem.what for problem in problems]


async def test_a_client_certificate_that_is_not_listed_opens_nothing(tmp_path: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    ours.private_key_pem.write_to_path(tmp_path / "key.pem")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    tls = {
        "certificate": "cert.pem",
        "key_file": "key.pem",
        "client_ca": "ca.pem",
        "certificate_required": False,
    }
    changes = {
        "sessions.1.listen.tls": tls,
        "sessions.0.connect": {"tls": {"ca_file": "ca.pem"}},
        "sessions.0.reconnect": {"base_seconds": 30, "cap_seconds": 30},
    }
    async with build(write(tmp_path, on_a_free_port(changes)), timeout=10.0) as gateway:
        assert gateway.served["gate"].active  # nobody asks which certificate
    changes["sessions.1.peer_certificates"] = "ab" * 32
    with pytest.raises(ExceptionGroup):
        async with build(write(tmp_path, on_a_free_port(changes)), timeout=0.5):
            raise AssertionError


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, True),
        ({"sessions.1.username": "me"}, False),
        ({"sessions.1.listen.allow": ["10.0.0.0/8"]}, False),
        ({"sessions.1.listen.host": "127.0.0.1"}, False),
    ],
    ids=["open", "user", "networks", "this machine"],
)
def test_a_session_that_anybody_may_open_is_a_warning(
    tmp_path: Path, changes: dict[str, Any], warned: bool
) -> None:
    open_to_all = {
        "sessions.1.username": None,
        "sessions.1.password": ...,
        "sessions.1.listen.host": "0.0.0.0",
        "sessions.1.listen.allow_plain_remote": True,
    }
    problems = check(write(tmp_path, {**open_to_all, **changes}))
    told = [p.where.split(" ")[1] for p in problems if "whoever reaches the port" in p.what]
    assert told == (["sessions[1].listen"] if warned else [])
    assert all(problem.level is Level.WARNING for problem in problems)


async def test_a_port_on_which_nothing_is_asked_for_takes_whoever_names_a_session(tmp_path: Path) -> None:
    changes = {"sessions.1.username": ..., "sessions.1.password": ...}
    async with build(write(tmp_path, on_a_free_port(changes)), timeout=10.0) as gateway:
        assert gateway.served["gate"].active


def test_a_digest_that_is_none_is_told(tmp_path: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    ours.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    tls = {"certificate": "both.pem", "key_file": "both.pem", "client_ca": "ca.pem"}
    changes = {"sessions.1.listen.tls": tls, "sessions.1.peer_certificates": ["ab" * 32, "short"]}
    (problem,) = [p for p in check(write(tmp_path, changes)) if p.level is Level.ERROR]
    assert problem.where.endswith(" sessions[1].peer_certificates[1]")
    assert "64 hex digits" in problem.remedy


def test_a_version_of_one_dictionary_takes_one(tmp_path: Path) -> None:
    text = f"<fix type='FIX' major='4' minor='4' servicepack='0'>{HEADER.format(IN_HEADER)}<messages>"
    text += f"<message name='Logon' msgtype='A' msgcat='admin'>{LOGON}</message></messages>"
    (tmp_path / "FIX44.xml").write_text(text + f"<components/><fields>{FIELDS}</fields></fix>")
    changes = {"defaults.begin_string": "FIX.4.4", "sessions.0.dictionary": {"application": "FIX44.xml"}}
    assert [p for p in check(write(tmp_path, changes)) if p.level is Level.ERROR] == []

"""QuickFIX with TLS as a trader at the venue.

It knows the venue's dictionary and signs its Logons, nothing more: several sessions in one engine, each with
a key of its own. Every validation that QuickFIX has is on; what it refuses by itself is kept in ``faults``.
"""

# ruff: noqa: N802 -- QuickFIX calls its application by these names

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
from pathlib import Path

import quickfix as fix
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from interop.peers import harness

SIGNED = (52, 35, 34, 49, 56)
SETTINGS = """\
[DEFAULT]
ConnectionType=initiator
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
ReconnectInterval=1
SocketNodelay=Y
TimestampPrecision=3
BeginString=FIXT.1.1
DefaultApplVerID=FIX.5.0SP2
FileStorePath={directory}/store
FileLogPath={directory}/log
CertificateAuthoritiesFile={ca}
UseDataDictionary=Y
TransportDataDictionary={transport}
AppDataDictionary={application}
ValidateFieldsOutOfOrder=Y
ValidateFieldsHaveValues=Y
ValidateUserDefinedFields=Y
AllowUnknownMsgFields=N
CheckLatency=Y
ValidateLengthAndChecksum=Y
"""
SESSION = """\
[SESSION]
SenderCompID={key_id}
TargetCompID={target}
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
ResetOnLogon={reset}
"""


class Application(fix.Application):
    """Signs Logons, keeps what comes in by session, and what QuickFIX refuses by itself."""

    def __init__(self, sessions):
        super().__init__()
        self.heard = {name: [] for name in sessions}
        self.active = set()
        self.logons = dict.fromkeys(sessions, 0)
        self.faults = []
        self._sessions = sessions
        self._names = {one["target"]: name for name, one in sessions.items()}
        self._keys = {name: read_key(one["key_file"]) for name, one in sessions.items()}

    def onCreate(self, session_id): ...

    def onLogon(self, session_id):
        name = self._name(session_id)
        self.logons[name] += 1
        self.active.add(name)

    def onLogout(self, session_id):
        self.active.discard(self._name(session_id))

    def toAdmin(self, message, session_id):
        msg_type = message.getHeader().getField(35)
        if msg_type == "A":
            self._sign(message, self._name(session_id))
        elif msg_type == "3":
            self.faults.append(message.toString())

    def fromAdmin(self, message, session_id):
        self.heard[self._name(session_id)].append(message.toString())

    def toApp(self, message, session_id):
        if message.getHeader().getField(35) == "j":
            self.faults.append(message.toString())

    def fromApp(self, message, session_id):
        self.heard[self._name(session_id)].append(message.toString())

    def _name(self, session_id):
        return self._names[session_id.getTargetCompID().getString()]

    def _sign(self, message, name):
        header = message.getHeader()
        signed = b"\x01".join(header.getField(tag).encode() for tag in SIGNED)
        signature = base64.b64encode(sign(self._keys[name], signed)).decode()
        for tag, value in {95: str(len(signature)), 96: signature, **self._sessions[name]["logon"]}.items():
            message.setField(int(tag), value)


class Trader:
    """The engine and what it can be told on stdin."""

    def __init__(self, setup):
        self._sessions = setup["sessions"]
        self._application = Application(self._sessions)
        text = SETTINGS.format(**setup)
        for one in self._sessions.values():
            text += SESSION.format(**{**one, "reset": "Y" if one["reset"] else "N"})
        path = Path(setup["directory"], "settings.cfg")
        path.write_text(text)
        given = fix.SessionSettings(str(path))
        self._factories = fix.FileStoreFactory(given), fix.FileLogFactory(given)
        self._engine = fix.ThreadedSSLSocketInitiator(
            self._application, self._factories[0], given, self._factories[1]
        )
        self._engine.start()

    def send(self, session, msg_type, fields):
        """Send a message; a field's value is a text, or a list of entries for a group.

        The field that begins an entry of a group stands first in it.
        """
        message = fix.Message()
        message.getHeader().setField(35, msg_type)
        fill(message, fields)
        return fix.Session.sendToTarget(message, self._id(session))

    def heard(self, session, after):
        """Return what came in on a session, without its first messages."""
        return self._application.heard[session][after:]

    def state(self):
        application = self._application
        return {
            "active": sorted(application.active),
            "logons": application.logons,
            "faults": application.faults,
        }

    def rewind(self, session, count):
        """Expect some MsgSeqNums of the venue once more; return how many there are to expect."""
        one = fix.Session.lookupSession(self._id(session))
        number = max(1, one.getExpectedTargetNum() - count)
        again = one.getExpectedTargetNum() - number
        one.setNextTargetMsgSeqNum(number)
        return again

    def logout(self, session):
        fix.Session.lookupSession(self._id(session)).logout()

    def logon(self, session):
        fix.Session.lookupSession(self._id(session)).logon()

    def stop(self):
        self._engine.stop(True)
        os._exit(0)  # the threads of the binding are not always done by now, and nobody waits for them

    def _id(self, session):
        one = self._sessions[session]
        return fix.SessionID("FIXT.1.1", one["key_id"], one["target"])


def fill(fields_of, fields):
    """Set fields and groups of a message, or of an entry of a group."""
    for tag, value in fields.items():
        if isinstance(value, str):
            fields_of.setField(int(tag), value)
            continue
        for entry in value:
            group = fix.Group(int(tag), int(next(iter(entry))))
            fill(group, entry)
            fields_of.addGroup(group)


def read_key(path):
    return serialization.load_pem_private_key(Path(path).read_bytes(), password=None)


def sign(key, signed):
    """Sign as docs.kalshi.com/fix/authentication says: RSA-PSS with a salt of 32 bytes, or Ed25519."""
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        return key.sign(signed, pss, hashes.SHA256())
    return key.sign(signed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("setup", type=Path, help="a JSON file: dictionaries, CA, directory, sessions")
    asyncio.run(harness.serve(Trader(json.loads(parser.parse_args().setup.read_text()))))

"""QuickFIX with TLS (the wheel ``quickfix-tls``): FileStore, dictionaries on, one SSL socket thread."""

# ruff: noqa: N802 -- QuickFIX calls its application by these names

from __future__ import annotations

import asyncio
import os
import threading

import quickfix as fix

from interop.ledger import ID_TAG, Ledger, message_id
from interop.peers import harness

SETTINGS = """\
[DEFAULT]
ConnectionType={role}
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
ReconnectInterval=1
SocketNodelay=Y
SocketReuseAddress=Y
TimestampPrecision=3
FileStorePath={directory}/store
FileLogPath={directory}/log
UseDataDictionary=Y
TransportDataDictionary={transport}
AppDataDictionary={application}
{tls}
[SESSION]
BeginString=FIXT.1.1
DefaultApplVerID=FIX.5.0SP2
SenderCompID=PEER
TargetCompID=FIXGW
{address}
"""


def settings(task: harness.Task) -> fix.SessionSettings:
    """Write the settings file of the role and return it as QuickFIX reads it."""
    server = f"ServerCertificateFile={task.pki}/cert.pem\nServerCertificateKeyFile={task.pki}/key.pem"
    client = (
        f"CertificateAuthoritiesFile={task.pki}/ca.pem\n"
        f"ClientCertificateFile={task.pki}/cert.pem\nClientCertificateKeyFile={task.pki}/key.pem"
    )
    connect = f"SocketConnectHost=127.0.0.1\nSocketConnectPort={task.port}"
    text = SETTINGS.format(
        role=task.role,
        directory=task.directory,
        transport=task.transport,
        application=task.application,
        tls=server if task.accepts else client,
        address=f"SocketAcceptPort={task.port}" if task.accepts else connect,
    )
    path = task.directory / "settings.cfg"
    path.write_text(text)
    return fix.SessionSettings(str(path))


class Application(fix.Application):
    """Counts what comes in and knows whether the session is logged on."""

    def __init__(self):
        super().__init__()
        self.ledger = Ledger()
        self.active = False

    def onCreate(self, session_id): ...

    def onLogon(self, session_id):
        self.active = True

    def onLogout(self, session_id):
        self.active = False

    def toAdmin(self, message, session_id): ...
    def fromAdmin(self, message, session_id): ...
    def toApp(self, message, session_id): ...

    def fromApp(self, message, session_id):
        header = message.getHeader()
        poss_dup = header.isSetField(43) and header.getField(43) == "Y"
        self.ledger.take(message.getField(ID_TAG), poss_dup)


class QuickFix:
    """The engine; see ``harness.Engine``."""

    def __init__(self, task):
        self._application = Application()
        given = settings(task)
        kind = fix.SSLSocketAcceptor if task.accepts else fix.ThreadedSSLSocketInitiator
        self._factories = fix.FileStoreFactory(given), fix.FileLogFactory(given)
        self._engine = kind(self._application, self._factories[0], given, self._factories[1])
        self._engine.start()
        self._id = fix.SessionID("FIXT.1.1", "PEER", "FIXGW")
        self._session = fix.Session.lookupSession(self._id)
        self._build = report if task.accepts else order
        self._sent = 0

    def send(self, first, count):
        threading.Thread(target=self._send, args=(first, count), daemon=True).start()

    def _send(self, first, count):
        for number in range(first, first + count):
            fix.Session.sendToTarget(self._build(number), self._id)
            self._sent += 1

    def skip(self, count):
        self._session.setNextSenderMsgSeqNum(self._session.getExpectedSenderNum() + count)

    def rewind(self, count):
        self._session.setNextTargetMsgSeqNum(self._session.getExpectedTargetNum() - count)

    def reset_sequence(self, ahead):
        new_seq_no = self._session.getExpectedSenderNum() + ahead
        message = fix.Message()
        message.getHeader().setField(35, "4")
        message.setField(123, "N")
        message.setField(36, str(new_seq_no))
        fix.Session.sendToTarget(message, self._id)
        self._session.setNextSenderMsgSeqNum(new_seq_no)

    def logout(self):
        self._session.logout()

    def logon(self):
        self._session.logon()

    def state(self):
        return {
            **self._application.ledger.as_json(),
            "active": self._application.active and self._session.isLoggedOn(),
            "sent": self._sent,
            "next_out": self._session.getExpectedSenderNum(),
            "next_in": self._session.getExpectedTargetNum(),
        }

    def stop(self):
        self._engine.stop(True)
        os._exit(0)  # the threads of the binding are not always done by now, and nobody waits for them


def order(number):
    message = fix.Message()
    message.getHeader().setField(35, "D")
    fields = {ID_TAG: message_id(number), 55: "TEST", 54: "1", 60: "20261120-12:00:00.000"}
    fields |= {38: "10", 40: "2", 44: "0.55"}
    for tag, value in fields.items():
        message.setField(tag, value)
    return message


def report(number):
    message = fix.Message()
    message.getHeader().setField(35, "8")
    fields = {37: "O1", ID_TAG: message_id(number), 17: f"E{number}", 150: "0", 39: "0", 55: "TEST"}
    fields |= {54: "1", 38: "10", 151: "10", 14: "0", 6: "0"}
    for tag, value in fields.items():
        message.setField(tag, value)
    return message


if __name__ == "__main__":
    asyncio.run(harness.serve(QuickFix(harness.task())))

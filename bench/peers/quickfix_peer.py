"""QuickFIX with TLS (the wheel ``quickfix-tls``): FileStore, validation on, one SSL socket thread.

Styles: ``tag`` sets each field by ``setField(int, str)``; ``raw`` hands one f-string to ``fix.Message(str)``.
Both read fields by ``getField(int)``, the quickest way that the binding offers.
"""

# ruff: noqa: N802 -- QuickFIX calls its application by these names

from __future__ import annotations

import os
import threading
from itertools import count
from pathlib import Path

import quickfix as fix

from bench import workload
from bench.peers import harness

SETTINGS = """\
[DEFAULT]
ConnectionType={role}
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
ReconnectInterval=1
ResetOnLogon=Y
SocketNodelay=Y
SocketReuseAddress=Y
TimestampPrecision=6
FileStorePath={directory}
{dictionaries}
{tls}
[SESSION]
BeginString={begin_string}
DefaultApplVerID=FIX.5.0SP2
SenderCompID={sender}
TargetCompID={target}
{address}
"""
RAW = "8=FIXT.1.1\x019=0\x01"


def dictionaries() -> str:
    """Return the dictionary settings: those under ``FIXGW_DICTIONARIES``, else none and no validation."""
    directory = os.environ.get("FIXGW_DICTIONARIES")
    if not directory:
        return "UseDataDictionary=N"
    transport, application = Path(directory, "FIXT11.xml"), Path(directory, "FIX50SP2.xml")
    return (
        f"UseDataDictionary=Y\nTransportDataDictionary={transport}\nAppDataDictionary={application}\n"
        "ValidateFieldsOutOfOrder=Y\nValidateFieldsHaveValues=Y\nValidateUserDefinedFields=Y"
    )


def settings(task: harness.Task) -> fix.SessionSettings:
    """Write the settings file of the role and return it as QuickFIX reads it."""
    acceptor = task.role == "acceptor"
    sender, target = (
        (workload.ACCEPTOR, workload.INITIATOR) if acceptor else (workload.INITIATOR, workload.ACCEPTOR)
    )
    text = SETTINGS.format(
        role=task.role,
        directory=task.directory / "store",
        dictionaries=dictionaries(),
        tls=f"ServerCertificateFile={task.pki}/cert.pem\nServerCertificateKeyFile={task.pki}/key.pem"
        if acceptor
        else f"CertificateAuthoritiesFile={task.pki}/ca.pem",
        begin_string=workload.BEGIN_STRING,
        sender=sender,
        target=target,
        address=f"SocketAcceptPort={task.port}"
        if acceptor
        else f"SocketConnectHost=127.0.0.1\nSocketConnectPort={task.port}",
    )
    path = task.directory / "settings.cfg"
    path.write_text(text)
    return fix.SessionSettings(str(path))


class Application(fix.Application):
    """Callbacks that neither role needs."""

    def onCreate(self, session_id): ...
    def onLogon(self, session_id): ...
    def onLogout(self, session_id): ...
    def toAdmin(self, message, session_id): ...
    def fromAdmin(self, message, session_id): ...
    def toApp(self, message, session_id): ...


class Venue(Application):
    """Reads 7 fields of each order and answers with an ExecutionReport of 21 application fields."""

    def __init__(self, style):
        super().__init__()
        self._build = self._raw if style == "raw" else self._tag
        self._numbers = count(1)
        self._stamp = workload.Stamp()

    def fromApp(self, message, session_id):
        get = message.getField
        report = self._build(get(11), get(55), get(54), get(38), get(40), get(44), get(59))
        fix.Session.sendToTarget(report, session_id)

    def _tag(self, cl_ord_id, symbol, side, order_qty, ord_type, price, time_in_force):
        number = next(self._numbers)
        message = fix.Message()
        message.getHeader().setField(35, "8")
        put = message.setField
        put(37, f"VORD{number:09d}")
        put(11, cl_ord_id)
        put(17, f"EXEC{number:09d}")
        put(150, "F")
        put(39, "2")
        put(1, workload.ACCOUNT)
        put(55, symbol)
        put(54, side)
        put(38, order_qty)
        put(40, ord_type)
        put(44, price)
        put(59, time_in_force)
        put(15, "USD")
        put(32, order_qty)
        put(31, price)
        put(151, "0")
        put(14, order_qty)
        put(6, price)
        put(75, workload.TRADE_DATE)
        put(60, self._stamp())
        put(58, "filled in full")
        return message

    def _raw(self, cl_ord_id, symbol, side, order_qty, ord_type, price, time_in_force):
        number = next(self._numbers)
        return fix.Message(
            f"{RAW}35=8\x0137=VORD{number:09d}\x0111={cl_ord_id}\x0117=EXEC{number:09d}\x01150=F\x0139=2\x01"
            f"1={workload.ACCOUNT}\x0155={symbol}\x0154={side}\x0138={order_qty}\x0140={ord_type}\x0144={price}\x01"
            f"59={time_in_force}\x0115=USD\x0132={order_qty}\x0131={price}\x01151=0\x0114={order_qty}\x016={price}\x01"
            f"75={workload.TRADE_DATE}\x0160={self._stamp()}\x0158=filled in full\x0110=000\x01",
            False,
        )


class Desk(Application):
    """Sends orders at the pace of the meter and reads 4 fields of each answer."""

    def __init__(self, style, plan):
        super().__init__()
        self._build = self._raw if style == "raw" else self._tag
        self._stamp = workload.Stamp()
        self._session_id = None
        self.done = threading.Event()
        self.meter = workload.Meter(plan, self._send, self.done.set)

    def onLogon(self, session_id):
        self._session_id = fix.SessionID(workload.BEGIN_STRING, workload.INITIATOR, workload.ACCEPTOR)
        self.meter.start()

    def fromApp(self, message, session_id):
        get = message.getField
        cl_ord_id, ord_status, cum_qty, leaves_qty = get(11), get(39), get(14), get(151)
        if ord_status != "2" or cum_qty != workload.ORDER_QTY or leaves_qty != "0":
            raise ValueError(f"order {cl_ord_id} is not filled: {message}")
        self.meter.answer(cl_ord_id)

    def _send(self, number):
        fix.Session.sendToTarget(self._build(number), self._session_id)

    def _tag(self, number):
        message = fix.Message()
        message.getHeader().setField(35, "D")
        put = message.setField
        put(11, workload.cl_ord_id(number))
        put(55, workload.SYMBOL)
        put(54, "1")
        put(60, self._stamp())
        put(38, workload.ORDER_QTY)
        put(40, "2")
        put(44, workload.price(number))
        put(59, "1")
        return message

    def _raw(self, number):
        return fix.Message(
            f"{RAW}35=D\x0111={workload.cl_ord_id(number)}\x0155={workload.SYMBOL}\x0154=1\x0160={self._stamp()}\x01"
            f"38={workload.ORDER_QTY}\x0140=2\x0144={workload.price(number)}\x0159=1\x0110=000\x01",
            False,
        )


def acceptor(task):
    """Serve until the orchestrator ends it."""
    given = settings(task)
    application = Venue(task.style)
    server = fix.SSLSocketAcceptor(application, fix.FileStoreFactory(given), given)
    server.start()
    harness.ready()
    harness.wait_for_end()
    server.stop(True)


def initiator(task):
    """Run the plan and print the figures."""
    given = settings(task)
    application = Desk(task.style, task.plan)
    client = fix.SSLSocketInitiator(application, fix.FileStoreFactory(given), given)
    client.start()
    if not application.done.wait(120):
        raise SystemExit("the plan was not done after 120 s")
    harness.report(application.meter.figures())
    client.stop(True)


if __name__ == "__main__":
    harness.run(acceptor, initiator)

"""Serve FIX sessions that peers open, and send back what they say.

    python examples/echo_acceptor.py --port 5001

An acceptor is a plan: where to listen, and for each session its settings, its store and its handler. Here the
handler sends orders, security definitions and e-mails back and refuses everything else; with dictionaries in
QuickFIX's XML format each message is checked before it gets that far. One JSON line with the port says that
it is ready; SIGTERM or Ctrl-C log every session out.

    python examples/echo_acceptor.py --begin-string FIX.4.4 --app-dictionary FIX44.xml --store var/echo
    python examples/echo_acceptor.py --certificate chain.pem --key key.pem --client-ca desks.pem
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from fixgw import Acceptor, AcceptorPlan, ConfigError, Context, FixError, Handler, Message, Reject
from fixgw.engine.acceptor_settings import AcceptorLimits, AcceptorSession
from fixgw.engine.settings import LinkSettings
from fixgw.fix import quickfix_xml
from fixgw.fix.dictionary import Dictionary, GroupDef
from fixgw.fix.tags import CL_ORD_ID, HEADER_TAGS, POSS_RESEND, TRAILER_TAGS
from fixgw.fix.validate import Rules, Validator
from fixgw.observe import logs
from fixgw.session.state import Role, SessionSettings
from fixgw.store.base import Store
from fixgw.store.memory import MemoryStore
from fixgw.store.tape import Tape
from fixgw.transport.listen import ListenSettings
from fixgw.transport.tls import server_context

ECHOED = {"D": "NewOrderSingle", "d": "SecurityDefinition", "C": "Email"}
UNSUPPORTED_MESSAGE_TYPE = 3  # BusinessRejectReason(380)
REMEMBERED = 100_000  # ClOrdIDs of a session

OUTER_TAGS = HEADER_TAGS | TRAILER_TAGS

Field = tuple[int, bytes]


class Echo(Handler):
    """The application of one session.

    Args:
        dictionary: says which fields belong to a group, so that the others may be put in ascending order.
    """

    def __init__(self, dictionary: Dictionary | None) -> None:
        self._groups = groups_of(dictionary) if dictionary is not None else {}
        self._orders: dict[bytes, None] = {}  # ClOrdIDs, oldest first
        self._epoch = 0

    def on_message(self, message: Message, ctx: Context) -> None:
        if message.msg_type not in ECHOED:
            raise Reject(UNSUPPORTED_MESSAGE_TYPE, "Unsupported Message Type", business=True)
        if ctx.session.epoch != self._epoch:  # the numbers began anew, and with them the session
            self._epoch = ctx.session.epoch
            self._orders.clear()
        if message.msg_type == "D" and self._is_repeated(message):
            return
        ctx.session.send(self._copy(message))

    def _is_repeated(self, order: Message) -> bool:
        """True for an order that says it may be known already, and is."""
        cl_ord_id = order.get(CL_ORD_ID) or b""
        known = cl_ord_id in self._orders
        self._orders[cl_ord_id] = None
        if len(self._orders) > REMEMBERED:
            del self._orders[next(iter(self._orders))]
        return known and order.get(POSS_RESEND) == b"Y"

    def _copy(self, message: Message) -> Message:
        """Return a message of our own with the body of the one that came; PossResend(97) stays."""
        header = [(tag, value) for tag, value in message.pairs() if tag == POSS_RESEND]
        body = [(tag, value) for tag, value in message.pairs() if tag not in OUTER_TAGS]
        runs = split_groups(body, self._groups.get(message.msg_type, {}))
        ordered = sorted(runs, key=lambda run: run[0][0]) if self._groups else runs
        return Message(message.msg_type, header + [field for run in ordered for field in run])


def groups_of(dictionary: Dictionary) -> dict[str, dict[int, set[int]]]:
    """Return, by MsgType(35) and the tag of a NoXxx field, the tags that may stand in the group behind it."""
    return {
        msg_type: {m.tag: set(tags_of(m.group)) for m in definition.members if m.group is not None}
        for msg_type, definition in dictionary.messages.items()
        if msg_type in ECHOED
    }


def tags_of(group: GroupDef) -> Iterator[int]:
    """Yield every tag of a group and of the groups in it."""
    for member in group.members:
        yield member.tag
        if member.group is not None:
            yield from tags_of(member.group)


def split_groups(fields: list[Field], groups: dict[int, set[int]]) -> list[list[Field]]:
    """Return runs of fields that stay together: a group behind its NoXxx field, any other field alone."""
    runs: list[list[Field]] = []
    inside: set[int] = set()
    for tag, value in fields:
        if tag in inside:
            runs[-1].append((tag, value))
        else:
            runs.append([(tag, value)])
            inside = groups.get(tag, set())
    return runs


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="serve FIX sessions and send back what they say",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on; plain TCP stays on this machine")
    add("--port", type=int, default=0, help="0 picks a free one")
    add("--allow", action="append", type=ip_network, default=[], help="network that may connect; repeatable")
    add("--store", type=Path, help="directory for a tape of each session; in memory when left out")

    session = parser.add_argument_group("sessions").add_argument
    session("--begin-string", default="FIXT.1.1", help="BeginString(8)")
    session("--sender", default="ISLD", help="our SenderCompID(49)")
    session(
        "--target", action="append", help="a peer's SenderCompID(49); repeatable; TW50SP2 if there is none"
    )
    session("--default-appl-ver-id", default="9", help="DefaultApplVerID(1137); FIX.4.x has none")
    session("--time-precision", choices=("ms", "us", "ns"), default="ms", help="of SendingTime(52)")
    session("--reset-on", choices=("logon", "disconnect", "never"), default="logon", help="numbers back to 1")
    session("--resend-chunk", type=int, default=0, help="messages that one ResendRequest asks for; 0: all")
    session("--next-expected", action="store_true", help="use NextExpectedMsgSeqNum(789)")
    session("--last-processed", action="store_true", help="use LastMsgSeqNumProcessed(369)")

    check = parser.add_argument_group("validation").add_argument
    check("--transport-dictionary", type=Path, help="of FIXT.1.1; FIX.4.x needs --app-dictionary alone")
    check("--app-dictionary", type=Path, help="of the application messages")
    check("--reject-garbled", action="store_true", help="refuse messages whose fields are garbled")
    check("--no-validate-checksum", action="store_true", help="take messages whose CheckSum(10) is wrong")

    tls = parser.add_argument_group("TLS").add_argument
    tls("--certificate", type=Path, help="certificate chain, PEM, leaf first; plain TCP when left out")
    tls("--key", type=Path, help="its private key, PEM")
    tls("--client-ca", type=Path, help="authorities of the client certificates to demand, PEM")

    limit, limits, link = parser.add_argument_group("limits").add_argument, AcceptorLimits(), LinkSettings()
    limit("--logon-timeout", type=float, default=limits.logon_timeout, help="seconds from accept to Logon")
    limit("--max-logon-size", type=int, default=limits.max_logon_size, help="bytes of the first message")
    limit("--max-pending", type=int, default=limits.max_pending, help="connections without a Logon")
    limit(
        "--max-pending-per-address", type=int, default=limits.max_pending_per_address, help="the same, of one"
    )
    limit("--outbound-limit", type=int, default=link.outbound_limit, help="bytes waiting for a slow peer")
    options = parser.parse_args()
    for useless, without in (
        ("key", "certificate"),
        ("client_ca", "certificate"),
        ("certificate", "key"),
        ("transport_dictionary", "app_dictionary"),
    ):
        if getattr(options, useless) is not None and getattr(options, without) is None:
            names = [f"--{name.replace('_', '-')}" for name in (useless, without)]
            parser.error(f"{names[0]} has no effect without {names[1]}")
    return options


def plan(options: argparse.Namespace) -> AcceptorPlan:
    """Return what the command line asks for, as an embedding program would write it down."""
    application = dictionary(options.app_dictionary)
    check = checker(dictionary(options.transport_dictionary), application, options.default_appl_ver_id)
    sessions = [
        AcceptorSession(
            session_settings(options, target, check),
            store=partial(make_store, options.store, f"{options.sender}-{target}"),
            handler=Echo(application),
            link=LinkSettings(outbound_limit=options.outbound_limit),
        )
        for target in options.target or ["TW50SP2"]
    ]
    secured = options.certificate is not None
    listen = ListenSettings(
        host=options.host,
        port=options.port,
        tls=server_context(options.certificate, options.key, options.client_ca) if secured else None,
        allow=tuple(options.allow),
    )
    limits = AcceptorLimits(
        logon_timeout=options.logon_timeout,
        max_logon_size=options.max_logon_size,
        max_pending=options.max_pending,
        max_pending_per_address=options.max_pending_per_address,
    )
    return AcceptorPlan(listen, sessions, limits=limits)


def session_settings(
    options: argparse.Namespace, target: str, check: Callable[[Message], None] | None
) -> SessionSettings:
    fixt = options.begin_string.startswith("FIXT")
    return SessionSettings(
        name=target,
        role=Role.ACCEPTOR,
        sender_comp_id=options.sender,
        target_comp_id=target,
        begin_string=options.begin_string,
        default_appl_ver_id=options.default_appl_ver_id if fixt else None,
        accepted_appl_ver_ids=frozenset({options.default_appl_ver_id} if fixt else ()),
        time_precision=options.time_precision,
        reset_on_logon=options.reset_on == "logon",
        reset_on_disconnect=options.reset_on == "disconnect",
        resend_chunk=options.resend_chunk,
        next_expected=options.next_expected,
        last_processed=options.last_processed,
        reject_garbled=options.reject_garbled,
        validate_checksum=not options.no_validate_checksum,
        check=check,
    )


def dictionary(path: Path | None) -> Dictionary | None:
    if path is None:
        return None
    try:
        return quickfix_xml.read(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"the dictionary can not be read: {error.strerror}", str(path)) from error


def checker(
    transport: Dictionary | None, application: Dictionary | None, appl_ver_id: str
) -> Callable[[Message], None] | None:
    """Return the validation of received messages: every rule of the dictionaries, without indulgence."""
    if application is None:
        return None
    if transport is None:  # up to FIX 4.4 one dictionary holds both
        return Validator(application, {}, None, Rules.STRICT).check
    return Validator(transport, {appl_ver_id: application}, appl_ver_id, Rules.STRICT).check


def make_store(directory: Path | None, name: str) -> Store:
    return MemoryStore() if directory is None else Tape(directory / name)


async def main(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Acceptor(plan(options)) as acceptor:
        names = [session.name for session in acceptor.sessions]
        print(json.dumps({"host": options.host, "port": acceptor.port, "sessions": names}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    logs.setup("warning")
    try:
        asyncio.run(main(arguments()))
    except FixError as error:  # a dictionary, a key or a port that can not be used: the text says what to do
        sys.exit(f"echo_acceptor: {error}")

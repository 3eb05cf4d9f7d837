"""Plays a script against a system under test and says at which line the two disagree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from datetime import datetime
from typing import Any, Protocol

from fixgw.errors import NotLoggedOn, Reject
from fixgw.fix.message import Message
from fixgw.session.hooks import ResendEverything, ResendFresh
from fixgw.session.snapshot import SessionSnapshot
from fixgw.session.state import OnGap, Role, SessionSettings
from fixgw.session.verdict import Accept, Answer, Refuse, Verdict
from tests.conformance.dialect import checker
from tests.conformance.peer import PEER, SYSTEM, Connection, Mismatch, encode, garble, resolve, seal
from tests.conformance.script import Fields, Script, Step


class System(Protocol):
    """What is under test: a session, alone or with the engine around it."""

    verdict: Verdict
    warnings: list[str]

    @property
    def application(self) -> Application:
        """What gets the messages."""
        ...

    def connect(self, connection: Connection) -> bool:
        """Open a stream between the system and the counterparty; false when it is not taken."""
        ...

    def disconnect(self, connection: Connection) -> None:
        """Let the counterparty drop the stream."""
        ...

    def hear(self, connection: Connection, data: bytes) -> None:
        """Let the system receive bytes."""
        ...

    def read_on(self, connection: Connection, wanted: bool) -> None:
        """Let the counterparty read no more, or again."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def send(self, message: Message) -> None:
        """Let the application send a message."""
        ...

    def log_out(self, text: str) -> None:
        """Let the application log out."""
        ...

    def reset(self) -> None:
        """Let a person put the numbers back to 1."""
        ...

    def now(self) -> datetime:
        """Return the instant."""
        ...

    def snapshot(self) -> SessionSnapshot:
        """Return what the session shows of itself."""
        ...

    @property
    def ends(self) -> list[str]:
        """Why each connection ended, in words."""
        ...


class Application:
    """The application on top of the system: it keeps what it gets, or refuses it."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.refusal: Exception | None = None

    def on_message(self, message: Message, ctx: object) -> None:
        """Take one message."""
        if self.refusal is not None:
            raise self.refusal
        self.received.append(message)


def settings_of(script: Script, role: str) -> SessionSettings:
    """Return the settings that a script asks for."""
    chosen: dict[str, Any] = {name: _setting(name, text) for name, text in script.settings.items()}
    if script.dictionary:
        chosen["check"] = checker(script.dictionary)
    return SessionSettings("conformance", Role(role), SYSTEM, PEER, **chosen)


SESSION_MADE = frozenset("012345Aj")  # the application makes the others as the script says
_DEFAULTS = {
    item.name: item.default if item.default is not MISSING else None for item in fields(SessionSettings)
}
_POLICIES = {"fresh": ResendFresh, "everything": ResendEverything}


def _setting(name: str, text: str) -> Any:
    if name not in _DEFAULTS:
        raise LookupError(f"SessionSettings has no {name}")
    default = _DEFAULTS[name]
    if name == "resend_policy":
        return _POLICIES[text]()
    if name == "on_gap":
        return OnGap(text)
    if text == "none":
        return None
    if isinstance(default, bool) or name == "strict_sending_time":
        return {"yes": True, "no": False}[text]
    if isinstance(default, frozenset):
        return frozenset(text.split(","))
    return text if default is None else type(default)(text)


class Player:
    """Plays one script.

    Args:
        script: the script.
        system: what is under test, not yet connected.
    """

    def __init__(self, script: Script, system: System, role: str) -> None:
        self._script = script
        self._system = system
        self._role = role
        self._begin_string = script.settings.get("begin_string", "FIXT.1.1")
        self._connections: dict[str, Connection] = {}
        self._told_closed: set[Connection] = set()
        self._step = Step("", 0)
        self._numbers = script.numbers
        self._gathered: bytearray | None = None

    def play(self) -> None:
        """Do every step.

        Raises:
            Mismatch: naming file and line.
        """
        try:
            for step in self._script.steps:
                for count in range(step.times):
                    self._step = _counted(step, count)
                    VERBS[step.verb](self)
            self._quiet()
        except (Mismatch, LookupError) as fault:
            where = f"{self._script.name}.fixscript:{self._step.line}"
            raise Mismatch(f"{where} ({self._role}): {fault}") from None

    # What happens.

    @property
    def _connection(self) -> Connection:
        connection = self._connections.get(self._step.wire)
        if connection is None:
            raise Mismatch("not connected")
        return connection

    def _quiet(self) -> None:
        """Check that nothing came which the script did not expect."""
        for connection in self._connections.values():
            if connection.unread():
                raise Mismatch(f"not expected: {'; '.join(connection.unread())}")
            if connection.closed and connection not in self._told_closed:
                raise Mismatch(f"the connection was closed: {self._system.ends}")
        if self._system.application.received:
            got = [_readable(message) for message in self._system.application.received]
            raise Mismatch(f"the application received, not expected: {'; '.join(got)}")

    def connect(self) -> None:
        self._quiet()
        former = self._connections.get(self._step.wire)
        next_out, next_in = self._numbers if former is None else (former.next_out, former.next_in)
        connection = Connection(self._begin_string, next_out, next_in)
        self._connections[self._step.wire] = connection
        if not self._system.connect(connection):
            raise Mismatch("the connection was not taken")

    def cannot_connect(self) -> None:
        self._quiet()
        connection = Connection(self._begin_string, 1, 1)
        if self._system.connect(connection):
            raise Mismatch("the connection was taken")

    def disconnect(self) -> None:
        self._quiet()
        self._told_closed.add(self._connection)
        self._system.disconnect(self._connection)

    def logon(self) -> None:
        """The whole handshake, for whichever role the system has."""
        self.connect()
        extra = self._step.fields
        body: Fields = ((98, "0"), (108, self._script.settings.get("heart_bt_int", "30")), *extra)
        if self._script.settings.get("default_appl_ver_id", "9") != "none" and 1137 not in dict(extra):
            body = (*body, (1137, "9"))
        if self._role == "initiator":
            self._expect("A", ((98, "0"),))
        self._say("A", body)
        if self._role == "acceptor":
            self._expect("A", ((98, "0"), (108, body[1][1])))

    def send(self) -> None:
        self._quiet()
        self._say(self._step.msg_type, self._step.fields)

    def _say(self, msg_type: str, given: Fields) -> None:
        connection = self._connection
        frame = connection.frame(msg_type, given, self._system.now())
        connection.sent(given)
        self._write(connection, frame)

    def garbled(self) -> None:
        self._quiet()
        frame = self._connection.frame(self._step.msg_type, self._step.fields, self._system.now())
        self._write(self._connection, garble(self._step.text, frame))

    def raw(self) -> None:
        self._quiet()
        now = self._system.now()
        pairs = [(tag, resolve(value or "", now).replace("|", "\x01")) for tag, value in self._step.fields]
        self._connection.sent(self._step.fields)
        self._write(self._connection, seal(self._connection.begin_string, encode(pairs)))

    def say_bytes(self) -> None:
        self._quiet()
        self._write(self._connection, self._step.text.replace("|", "\x01").encode("latin-1"))

    def _write(self, connection: Connection, data: bytes) -> None:
        if self._gathered is None:
            self._system.hear(connection, data)
        else:
            self._gathered += data

    def gather(self) -> None:
        self._gathered = bytearray()

    def flush(self) -> None:
        data, self._gathered = self._gathered, None
        self._write(self._connection, bytes(data or b""))

    def stop_reading(self) -> None:
        self._system.read_on(self._connection, False)

    def read_on(self) -> None:
        self._system.read_on(self._connection, True)

    def wait(self) -> None:
        self._quiet()
        self._system.wait(self._step.seconds)

    def verdict(self) -> None:
        answer, text = self._step.values["answer"], self._step.text
        verdicts: dict[str, Callable[[], Verdict]] = {
            "accept": Accept,
            "silence": Refuse.silently,
            "logout": lambda: Refuse.with_logout(text),
            "reject": lambda: Refuse(Answer.REJECT, text, int(self._step.values["reason"])),
        }
        self._system.verdict = verdicts[answer]()

    def app_sends(self) -> None:
        self._quiet()
        self._system.send(self._message())

    def app_cannot_send(self) -> None:
        self._quiet()
        try:
            self._system.send(self._message())
        except NotLoggedOn:
            return
        raise Mismatch("it was sent")

    def app_logs_out(self) -> None:
        self._quiet()
        self._system.log_out(self._step.text)

    def app_resets(self) -> None:
        self._quiet()
        self._system.reset()

    def app_refuses(self) -> None:
        kind, reason = self._step.values["kind"], self._step.values["reason"]
        self._system.application.refusal = refusal(kind, reason, self._step.text)

    def _message(self) -> Message:
        now = self._system.now()
        pairs = [(tag, resolve(value or "", now)) for tag, value in self._step.fields]
        return Message(self._step.msg_type, pairs)

    # What is expected.

    def expect(self) -> None:
        self._expect(self._step.msg_type, self._step.fields)

    def _expect(self, msg_type: str, given: Fields) -> None:
        """Compare the next message; what the session itself makes has to be valid by the book as well."""
        frame = self._connection.expect(msg_type, given)
        if self._begin_string != "FIXT.1.1" or msg_type not in SESSION_MADE:
            return
        try:
            checker("strict")(Message.decode(frame.data))
        except Reject as fault:
            raise Mismatch(f"it is not valid: {fault} {fault.ref_tag}: {frame}") from None

    def expect_nothing(self) -> None:
        self._quiet()

    def expect_open(self) -> None:
        if self._connection.closed:
            raise Mismatch(f"the connection was closed: {self._system.ends}")

    def expect_close(self) -> None:
        connection = self._connection
        if connection.unread():
            raise Mismatch(f"not expected: {'; '.join(connection.unread())}")
        if not connection.closed:
            raise Mismatch("the connection is still open")
        if self._step.text and not (self._system.ends and self._step.text in self._system.ends[-1]):
            raise Mismatch(f"the connection ended with {self._system.ends}, not with {self._step.text!r}")
        self._told_closed.add(connection)

    def _warnings(self) -> list[str]:
        return [warning for warning in self._system.warnings if self._step.text in warning]

    def expect_no_warning(self) -> None:
        if self._warnings():
            raise Mismatch(f"there were warnings: {self._warnings()}")

    def expect_warning(self) -> None:
        if not self._warnings():
            raise Mismatch(f"no warning says {self._step.text!r}, but {self._system.warnings}")

    def expect_numbers(self) -> None:
        shown = self._system.snapshot()
        found = {"in": shown.next_in, "out": shown.next_out, "epoch": shown.epoch}
        self._compare_counts({name: found[name] for name in self._step.values})

    def expect_counts(self) -> None:
        tally = self._system.snapshot().tally
        self._compare_counts({name: getattr(tally, name, None) for name in self._step.values})

    def _compare_counts(self, found: dict[str, Any]) -> None:
        wanted = dict(self._step.values)
        shown = {name: str(value) for name, value in found.items()}
        if shown != wanted:
            raise Mismatch(f"{shown}, not {wanted}")

    def app_receives(self) -> None:
        received = self._system.application.received
        if not received:
            raise Mismatch(f"the application did not receive {self._step.msg_type}")
        message = received.pop(0)
        if message.msg_type != self._step.msg_type:
            raise Mismatch(f"the application received {_readable(message)}")
        for tag, value in self._step.fields:
            if message.text(tag) != value:
                raise Mismatch(f"{tag} is {message.text(tag)}: {_readable(message)}")

    def app_receives_nothing(self) -> None:
        if self._system.application.received:
            raise Mismatch(f"the application received {_readable(self._system.application.received[0])}")


VERBS: dict[str, Callable[[Player], None]] = {
    "connect": Player.connect,
    "cannot connect": Player.cannot_connect,
    "disconnect": Player.disconnect,
    "logon": Player.logon,
    "send": Player.send,
    "garbled": Player.garbled,
    "raw": Player.raw,
    "bytes": Player.say_bytes,
    "peer gathers": Player.gather,
    "peer flushes": Player.flush,
    "peer stops reading": Player.stop_reading,
    "peer reads on": Player.read_on,
    "wait": Player.wait,
    "verdict": Player.verdict,
    "app sends": Player.app_sends,
    "app cannot send": Player.app_cannot_send,
    "app logs out": Player.app_logs_out,
    "app resets": Player.app_resets,
    "app refuses": Player.app_refuses,
    "app receives": Player.app_receives,
    "app receives nothing": Player.app_receives_nothing,
    "expect": Player.expect,
    "expect nothing": Player.expect_nothing,
    "expect open": Player.expect_open,
    "expect close": Player.expect_close,
    "expect no warning": Player.expect_no_warning,
    "expect warning": Player.expect_warning,
    "expect numbers": Player.expect_numbers,
    "expect counts": Player.expect_counts,
}


def _counted(step: Step, count: int) -> Step:
    """Return a step as it is the ``count``-th time: ``^5`` is 5, then 6, then 7."""
    if step.times == 1:
        return step
    counted = (
        (tag, str(int(value[1:]) + count) if value and value.startswith("^") else value)
        for tag, value in step.fields
    )
    return replace(step, fields=tuple(counted))


def refusal(kind: str, reason: str, text: str) -> Exception | None:
    """Return what the application raises for each message, None when it takes them."""
    return None if kind == "nothing" else Reject(int(reason), text, business=kind == "business")


def _readable(message: Message) -> str:
    return b"|".join(message.fields).decode("latin-1")

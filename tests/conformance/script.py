"""The language of the conformance scripts: one step a line, read into plain data.

A script speaks for the counterparty of the system under test::

    # A number that is too low ends the session.
    case 2c
    numbers in=5 out=9
    logon
    send D 34=2 11=late
    expect 5 58="MsgSeqNum too low, expecting 6 but received 2"
    expect close "MsgSeqNum too low"

``#`` begins a comment; the first one says what the script shows. ``STEPS`` lists the words, and
README.md in the directory of the scripts says what each of them does.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

ROLES = ("initiator", "acceptor")
GARBLES = ("checksum", "checksum-form", "checksum-end", "length-short", "length-long", "order", "noise")
_PAIR = re.compile(r"(\d+)=(.*)", re.DOTALL)
_ABSENT = re.compile(r"-(\d+)")
_NAMED = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_WIRE = re.compile(r"([a-z]+):")

Fields = tuple[tuple[int, str | None], ...]  # None: the field is to be left out


class ScriptError(Exception):
    """A script that can not be read.

    Args:
        what: the fault.
        where: file and line.
        remedy: what to write instead.
    """

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}; {remedy}")


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a script.

    Args:
        verb: what is done, a key of ``STEPS``.
        line: its number in the file.
        wire: the connection that it is about; empty for the first one.
        msg_type: MsgType(35) of what is sent or expected.
        fields: fields of a message.
        values: named values of a setting, of numbers or of counters.
        text: a text to send or to look for.
        seconds: how long to wait.
        times: how often the step is done.
    """

    verb: str
    line: int
    wire: str = ""
    msg_type: str = ""
    fields: Fields = ()
    values: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    seconds: float = 0.0
    times: int = 1


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script.

    Args:
        name: directory and file name, such as ``both/2c_number_too_low``.
        title: its first comment.
        cases: the rows of the table that it shows.
        roles: the roles that it is for.
        live_only: it needs the engine around the session.
        settings: ``SessionSettings`` by name, as written.
        limits: limits of the engine by name, as written.
        dictionary: ``strict`` or ``lenient`` to validate messages, empty not to.
        numbers: (next_in, next_out) before the first connection.
        steps: what is done.
    """

    name: str
    title: str
    cases: tuple[str, ...]
    roles: tuple[str, ...]
    live_only: bool
    settings: Mapping[str, str]
    limits: Mapping[str, str]
    dictionary: str
    numbers: tuple[int, int]
    steps: tuple[Step, ...]


class Line:
    """The words of one line, taken from the left.

    Args:
        words: the words.
        number: the line's number.
        where: file and line, for errors.
    """

    def __init__(self, words: Sequence[str], number: int, where: str) -> None:
        self.words = list(words)
        self.number = number
        self.where = where

    def fail(self, what: str, remedy: str) -> ScriptError:
        """Return the error for this line."""
        return ScriptError(what, self.where, remedy)

    def take(self, what: str) -> str:
        """Take the next word, which has to be there."""
        if not self.words:
            raise self.fail(f"{what} is missing", f"write {what} at the end of the line")
        return self.words.pop(0)

    def follows(self, *words: str) -> bool:
        """Take these words when they come next."""
        if tuple(self.words[: len(words)]) != words:
            return False
        del self.words[: len(words)]
        return True

    def fields(self) -> Fields:
        """Take the rest as ``tag=value``, or ``-tag`` for one that is left out."""
        return tuple(self._field(word) for word in self._rest())

    def values(self, allowed: Sequence[str] | None = None) -> dict[str, str]:
        """Take the rest as ``name=value``."""
        found: dict[str, str] = {}
        for word in self._rest():
            match = _NAMED.fullmatch(word)
            if match is None:
                raise self.fail(f"{word!r} is not name=value", "write a name, = and a value without spaces")
            if allowed is not None and match[1] not in allowed:
                raise self.fail(f"{match[1]!r} is not known here", f"use one of {', '.join(allowed)}")
            found[match[1]] = match[2]
        if not found:
            raise self.fail("no name=value follows", "write at least one")
        return found

    def seconds(self) -> float:
        """Take a duration such as ``30s`` or ``500ms``."""
        word = self.take("a duration")
        match = _SECONDS.fullmatch(word)
        if match is None:
            raise self.fail(f"{word!r} is no duration", "write it as 30s or 500ms")
        return float(match[1]) / (1000 if match[2] == "ms" else 1)

    def text(self) -> str:
        """Take the rest, one quoted text or nothing."""
        rest = self._rest()
        if len(rest) > 1:
            raise self.fail(f"{' '.join(rest)!r} is more than one text", "put the text into double quotes")
        return rest[0] if rest else ""

    def one_of(self, what: str, allowed: Sequence[str]) -> str:
        """Take a word of a closed list."""
        word = self.take(what)
        if word not in allowed:
            raise self.fail(f"{word!r} is not {what}", f"use one of {', '.join(allowed)}")
        return word

    def end(self) -> None:
        """Check that nothing is left."""
        if self.words:
            raise self.fail(f"{' '.join(self.words)!r} is too much", "take it out")

    def _rest(self) -> list[str]:
        rest, self.words = self.words, []
        return rest

    def _field(self, word: str) -> tuple[int, str | None]:
        match = _PAIR.fullmatch(word)
        if match is not None:
            return int(match[1]), match[2]
        absent = _ABSENT.fullmatch(word)
        if absent is None:
            raise self.fail(f"{word!r} is no field", "write tag=value, or -tag for a field that is not there")
        return int(absent[1]), None


def _message(verb: str) -> Callable[[Line, str], Step]:
    def read(line: Line, wire: str) -> Step:
        msg_type = line.take("a MsgType")
        return Step(verb, line.number, wire, msg_type, line.fields())

    return read


def _plain(verb: str) -> Callable[[Line, str], Step]:
    return lambda line, wire: Step(verb, line.number, wire)


def _texted(verb: str) -> Callable[[Line, str], Step]:
    return lambda line, wire: Step(verb, line.number, wire, text=line.text())


def _valued(verb: str, *allowed: str) -> Callable[[Line, str], Step]:
    return lambda line, wire: Step(verb, line.number, wire, values=line.values(allowed or None))


def _garbled(line: Line, wire: str) -> Step:
    kind = line.one_of("a way to garble", GARBLES)
    return Step("garbled", line.number, wire, line.take("a MsgType"), line.fields(), text=kind)


def _raw(line: Line, wire: str) -> Step:
    return Step("raw", line.number, wire, fields=line.fields())


def _wait(line: Line, wire: str) -> Step:
    return Step("wait", line.number, wire, seconds=line.seconds())


def _verdict(line: Line, wire: str) -> Step:
    answer = line.one_of("an answer to a Logon", ("accept", "silence", "logout", "reject"))
    reason = line.take("a SessionRejectReason") if answer == "reject" else ""
    return Step("verdict", line.number, wire, values={"answer": answer, "reason": reason}, text=line.text())


def _app_refuses(line: Line, wire: str) -> Step:
    kind = line.one_of("a kind of refusal", ("business", "session", "nothing"))
    reason = "" if kind == "nothing" else line.take("a reason number")
    return Step("app refuses", line.number, wire, values={"kind": kind, "reason": reason}, text=line.text())


# The longest words first: the first entry that fits is taken.
STEPS: tuple[tuple[tuple[str, ...], Callable[[Line, str], Step]], ...] = (
    (("logon",), lambda line, wire: Step("logon", line.number, wire, fields=line.fields())),
    (("connect",), _plain("connect")),
    (("cannot", "connect"), _plain("cannot connect")),
    (("disconnect",), _plain("disconnect")),
    (("send",), _message("send")),
    (("garbled",), _garbled),
    (("raw",), _raw),
    (("bytes",), _texted("bytes")),
    (("wait",), _wait),
    (("verdict",), _verdict),
    (("peer", "gathers"), _plain("peer gathers")),
    (("peer", "flushes"), _plain("peer flushes")),
    (("peer", "stops", "reading"), _plain("peer stops reading")),
    (("peer", "reads", "on"), _plain("peer reads on")),
    (("app", "sends"), _message("app sends")),
    (("app", "cannot", "send"), _message("app cannot send")),
    (("app", "logs", "out"), _texted("app logs out")),
    (("app", "resets"), _plain("app resets")),
    (("app", "refuses"), _app_refuses),
    (("app", "receives", "nothing"), _plain("app receives nothing")),
    (("app", "receives"), _message("app receives")),
    (("expect", "nothing"), _plain("expect nothing")),
    (("expect", "open"), _plain("expect open")),
    (("expect", "close"), _texted("expect close")),
    (("expect", "no", "warning"), _texted("expect no warning")),
    (("expect", "warning"), _texted("expect warning")),
    (("expect", "numbers"), _valued("expect numbers", "in", "out", "epoch")),
    (("expect", "counts"), _valued("expect counts")),
    (("expect",), _message("expect")),
)


def read(text: str, name: str) -> Script:
    """Return the script of a file's text.

    Args:
        text: what the file holds.
        name: directory and file name; the directory says for which roles it is.

    Raises:
        ScriptError: naming file, line and remedy.
    """
    reader = _Reader(name)
    for number, line in enumerate(text.splitlines(), 1):
        reader.line(line, number)
    return reader.script()


def load(root: Path) -> list[Script]:
    """Return every script below a directory, by name.

    Raises:
        ScriptError: one of them can not be read.
    """
    files = sorted(root.rglob("*.fixscript"))
    return [
        read(path.read_text(encoding="utf-8"), path.relative_to(root).with_suffix("").as_posix())
        for path in files
    ]


class _Reader:
    """Gathers the head and the steps of one script."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._title = ""
        self._cases: tuple[str, ...] = ()
        self._live_only = False
        self._settings: dict[str, str] = {}
        self._limits: dict[str, str] = {}
        self._dictionary = ""
        self._numbers = (1, 1)
        self._steps: list[Step] = []
        self._heads: dict[str, Callable[[Line], None]] = {
            "case": self._case,
            "live": self._live,
            "settings": lambda line: self._settings.update(line.values()),
            "limits": lambda line: self._limits.update(line.values()),
            "dictionary": self._take_dictionary,
            "numbers": self._take_numbers,
        }

    def line(self, text: str, number: int) -> None:
        where = f"{self._name}.fixscript:{number}"
        if not self._title and text.startswith("#"):
            self._title = text.lstrip("# ").strip()
            return
        try:
            words = shlex.split(text, comments=True)
        except ValueError as fault:
            raise ScriptError(str(fault), where, "close the double quotes") from None
        if words:
            self._take(Line(words, number, where))

    def script(self) -> Script:
        where = f"{self._name}.fixscript"
        directory = self._name.partition("/")[0]
        if directory not in (*ROLES, "both"):
            raise ScriptError("the role is not known", where, "put it into initiator, acceptor or both")
        if not self._title:
            raise ScriptError("no title", where, "begin with a comment that says what is shown")
        if not self._cases:
            raise ScriptError("no case", where, "name the rows of the table: case 2c")
        if not self._steps:
            raise ScriptError("no step", where, "write what happens")
        return Script(
            self._name,
            self._title,
            self._cases,
            ROLES if directory == "both" else (directory,),
            self._live_only,
            self._settings,
            self._limits,
            self._dictionary,
            self._numbers,
            tuple(self._steps),
        )

    def _take(self, line: Line) -> None:
        head = self._heads.get(line.words[0])
        if head is None:
            self._steps.append(self._step(line))
        elif self._steps:
            raise line.fail(f"{line.words[0]!r} comes too late", "write it above the first step")
        else:
            line.words.pop(0)
            head(line)
        line.end()

    @staticmethod
    def _step(line: Line) -> Step:
        times = int(line.words.pop(0)[:-1]) if re.fullmatch(r"[1-9]\d{0,5}x", line.words[0]) else 1
        match = _WIRE.fullmatch(line.words[0]) if line.words else None
        wire = match[1] if match is not None else ""
        if match is not None:
            line.words.pop(0)
        for words, reader in STEPS:
            if line.follows(*words):
                step = reader(line, wire)
                return replace(step, times=times)
        known = ", ".join(dict.fromkeys(words[0] for words, _ in STEPS))
        raise line.fail(f"{' '.join(line.words)!r} is no step", f"begin with one of {known}")

    def _case(self, line: Line) -> None:
        self._cases = tuple(line.words)
        line.words = []

    def _live(self, line: Line) -> None:
        self._live_only = True

    def _take_dictionary(self, line: Line) -> None:
        self._dictionary = line.one_of("a way to validate", ("strict", "lenient"))

    def _take_numbers(self, line: Line) -> None:
        values = line.values(("in", "out"))
        if not all(value.isdigit() and int(value) > 0 for value in values.values()):
            raise line.fail("a number is not positive", "write it as in=5 out=9")
        self._numbers = int(values.get("in", 1)), int(values.get("out", 1))

"""What an administrator may ask of a running gateway: a table of commands and their arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any, Protocol

from fixgw.errors import LocalError
from fixgw.observe.reconciliation import ReconciliationView
from fixgw.observe.snapshot import GatewaySnapshot
from fixgw.safety.kill_steps import KillReport


class Controls(Protocol):
    """The parts of a gateway that administration moves; those with a ``name`` are about one session.

    Raises:
        LocalError: no such session, or it is not in a state for this.
    """

    def snapshot(self) -> GatewaySnapshot:
        """Return what can be seen now."""
        ...

    def reconciled(self, told: ReconciliationView) -> None:
        """Take in what a reconciliation of the tapes came to."""
        ...

    async def apply(self, name: str, rows: Sequence[Any], run_id: str, source: str) -> int:
        """Take in reports of a session's orders that never came on the wire; return how many were new."""
        ...

    async def logon(self, name: str) -> None:
        """Dial again now, also after the session gave up."""
        ...

    async def logout(self, name: str) -> None:
        """Log out and dial no more."""
        ...

    async def reconnect(self, name: str) -> None:
        """Log out, then dial again at once."""
        ...

    async def resume(self, name: str) -> None:
        """Hold nothing back any more over a pause of a session's venue."""
        ...

    async def reset(self, name: str, reason: str) -> None:
        """Number from 1 in a new epoch, on a session that is logged out."""
        ...

    async def set_numbers(self, name: str, next_in: int | None, next_out: int | None, reason: str) -> None:
        """Set the next numbers of a session that is logged out; None leaves one as it is."""
        ...

    async def kill(self, reason: str) -> KillReport:
        """Keep back everything that may lead to a trade, on every session, and take open orders out."""
        ...

    async def release(self, reason: str) -> None:
        """Let messages leave again."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One command to carry out.

    Args:
        controls: the gateway.
        arguments: checked against the command's table.
        who: the process that asks, for the audit trail.
    """

    controls: Controls
    arguments: Mapping[str, Any]
    who: str

    @property
    def session(self) -> str:
        """The session that it is about."""
        name: str = self.arguments["session"]
        return name

    @property
    def reason(self) -> str:
        """Who and why, as it goes on the tape."""
        return f"{self.who}: {self.arguments['reason']}"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    Args:
        kind: its type in JSON.
        required: it has to be there.
    """

    kind: type[str] | type[int] | type[list[Any]] | type[dict[str, Any]]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    Args:
        run: carries it out and returns what goes to the client.
        arguments: by name.
        audited: it changes something, so a log line says who asked.
    """

    run: Callable[[Request], Awaitable[Any]]
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    audited: bool = True


async def _status(request: Request) -> dict[str, Any]:
    status = request.controls.snapshot().to_dict()
    wanted = request.arguments.get("session")
    if wanted is not None:
        status["sessions"] = {wanted: _view(request.controls, wanted)}
    return status


async def _logon(request: Request) -> dict[str, Any]:
    await request.controls.logon(request.session)
    return _numbers(request.controls, request.session)


async def _logout(request: Request) -> dict[str, Any]:
    await request.controls.logout(request.session)
    return _numbers(request.controls, request.session)


async def _reconnect(request: Request) -> dict[str, Any]:
    await request.controls.reconnect(request.session)
    return _numbers(request.controls, request.session)


async def _resume(request: Request) -> dict[str, Any]:
    await request.controls.resume(request.session)
    return _numbers(request.controls, request.session)


async def _reset(request: Request) -> dict[str, Any]:
    await request.controls.logout(request.session)
    await request.controls.reset(request.session, request.reason)
    await request.controls.logon(request.session)
    return _numbers(request.controls, request.session)


async def _show_numbers(request: Request) -> dict[str, Any]:
    return _numbers(request.controls, request.session)


async def _set_numbers(request: Request) -> dict[str, Any]:
    next_in, next_out = request.arguments.get("next_in"), request.arguments.get("next_out")
    if next_in is None and next_out is None:
        raise LocalError("neither next_in nor next_out is given: say at least one")
    for name, number in (("next_in", next_in), ("next_out", next_out)):
        if number is not None and number < 1:
            raise LocalError(f"{name} is {number}: a MsgSeqNum is 1 or more")
    await request.controls.set_numbers(request.session, next_in, next_out, request.reason)
    return _numbers(request.controls, request.session)


async def _reset_numbers(request: Request) -> dict[str, Any]:
    await request.controls.reset(request.session, request.reason)
    return _numbers(request.controls, request.session)


async def _kill(request: Request) -> dict[str, Any]:
    report = await request.controls.kill(request.reason)
    return {**asdict(report), "complete": report.complete}


async def _release(request: Request) -> dict[str, Any]:
    await request.controls.release(request.reason)
    return {"released": True}


async def _apply(request: Request) -> dict[str, Any]:
    told = request.arguments
    applied = await request.controls.apply(request.session, told["reports"], told["run_id"], told["source"])
    return {"session": request.session, "applied": applied}


async def _reconciled(request: Request) -> dict[str, Any]:
    told = ReconciliationView.read(request.arguments["outcome"])
    request.controls.reconciled(told)
    return {"run_id": told.run_id}


def _view(controls: Controls, name: str) -> dict[str, Any]:
    sessions = controls.snapshot().to_dict()["sessions"]
    if name not in sessions:
        raise LocalError(f"no session is named {name!r}; {known_names(name, sessions)}")
    view: dict[str, Any] = sessions[name]
    return view


def _numbers(controls: Controls, name: str) -> dict[str, Any]:
    view = _view(controls, name)
    shown = {key: view["session"][key] for key in ("phase", "epoch", "next_in", "next_out")}
    return {"session": name, **shown, "state": view["supervisor"]["state"], "why": view["supervisor"]["why"]}


def known_names(name: str, known: Mapping[str, object]) -> str:
    """Return ``did you mean ...?``, or the list of what there is."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"


_SESSION = {"session": Argument(str)}
_WITH_REASON = {**_SESSION, "reason": Argument(str)}
_NUMBERS = {"next_in": Argument(int, required=False), "next_out": Argument(int, required=False)}

COMMANDS: Mapping[str, Command] = {
    "status": Command(_status, {"session": Argument(str, required=False)}, audited=False),
    "session.logon": Command(_logon, _SESSION),
    "session.logout": Command(_logout, _SESSION),
    "session.reconnect": Command(_reconnect, _SESSION),
    "session.resume": Command(_resume, _SESSION),
    "session.reset": Command(_reset, _WITH_REASON),
    "seqnum.show": Command(_show_numbers, _SESSION, audited=False),
    "seqnum.set": Command(_set_numbers, {**_WITH_REASON, **_NUMBERS}),
    "seqnum.reset": Command(_reset_numbers, _WITH_REASON),
    "apply": Command(
        _apply, {**_SESSION, "run_id": Argument(str), "source": Argument(str), "reports": Argument(list)}
    ),
    "reconciled": Command(_reconciled, {"outcome": Argument(dict)}, audited=False),
    "kill": Command(_kill, {"reason": Argument(str)}),
    "release": Command(_release, {"reason": Argument(str)}),
}


def find_command(name: object) -> Command:
    """Return the command of this name.

    Raises:
        LocalError: there is none.
    """
    if isinstance(name, str) and name in COMMANDS:
        return COMMANDS[name]
    raise LocalError(f"no command is named {name!r}; {known_names(str(name), COMMANDS)}")


WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", list: "a list", dict: "an object"}


def check_arguments(command: Command, arguments: object) -> dict[str, Any]:
    """Return the arguments, each known, present when required, and of its type.

    Raises:
        LocalError: with the first that is not.
    """
    if not isinstance(arguments, dict):
        raise LocalError("'arguments' has to be an object")
    for name in arguments:
        if name not in command.arguments:
            raise LocalError(f"no argument is named {name!r}; {known_names(name, command.arguments)}")
    for name, argument in command.arguments.items():
        value = arguments.get(name)
        if value is None and not argument.required:
            continue
        if type(value) is not argument.kind or value == "":
            raise LocalError(f"argument {name!r} has to be {WORDS[argument.kind]}")
    return arguments

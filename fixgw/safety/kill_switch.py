"""The kill switch: once it is on, only cancels leave, until a person releases it; a restart does not."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fixgw.clock import Now
from fixgw.errors import Killed, LocalError
from fixgw.fix.message import Message
from fixgw.safety.traffic import Traffic
from fixgw.session.hooks import ResendPolicy

log = logging.getLogger("fixgw.safety")


@dataclass(frozen=True, slots=True)
class Pulled:
    """When and why it was switched on.

    Args:
        reason: who and why.
        utc_ns: when, nanoseconds since 1970; 0 when that is not known.
    """

    reason: str
    utc_ns: int = 0


class KillSwitch:
    """The latch, and the file that carries it over a restart: as long as the file is there, it is on.

    Args:
        file: where it is kept; None keeps it in memory alone.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.pulled = _read(file) if file is not None else None

    @property
    def on(self) -> bool:
        """True while nothing but cancels may leave."""
        return self.pulled is not None

    def pull(self, reason: str, utc_ns: int) -> None:
        """Switch it on; what was said first stays when it is on already. ``save`` lets a restart know."""
        if self.pulled is None:
            self.pulled = Pulled(reason, utc_ns)

    def save(self) -> bool:
        """Write the file; blocking, safe to call from a thread, because orders must not wait for a disk.

        Returns:
            True when a restart will find it on.
        """
        try:
            return self.file is not None and self.pulled is not None and _write(self.file, self.pulled)
        except OSError as error:
            detail = {"file": str(self.file), "why": str(error)}
            log.critical("the kill switch is on in memory alone", extra=detail)
            return False

    def release(self) -> None:
        """Switch it off.

        Raises:
            LocalError: it is off, or its file can not be removed, and so it stays on.
        """
        if self.pulled is None:
            raise LocalError("the kill switch is not on: there is nothing to release")
        try:
            if self.file is not None:
                self.file.unlink(missing_ok=True)
        except OSError as error:
            what = f"{self.file} can not be removed ({error.strerror}), and a restart would find it"
            raise LocalError(
                f"the kill switch stays on: {what}; remove the file, then release again"
            ) from error
        self.pulled = None


class KillGuard:
    """Keeps everything back that may lead to a trade; it stands in the way only while the switch is on.

    Args:
        switch: the switch, for the reason.
        traffic: which messages add risk.
    """

    def __init__(self, switch: KillSwitch, traffic: Traffic) -> None:
        self._switch = switch
        self._opens = traffic.opens

    def admit(self, message: Message, now: Now) -> None:
        """Let cancels leave, and whatever adds no risk.

        Raises:
            Killed: it would add risk; nothing was numbered.
        """
        if self._switch.pulled is not None and message.msg_type in self._opens:
            why = self._switch.pulled.reason
            raise Killed(
                f"35={message.msg_type} is not sent: the kill switch is on ({why}); release it first"
            )

    def delay(self, message: Message, now: Now) -> float:
        """Return 0: only a person knows for how long."""
        return 0.0


@dataclass(frozen=True, slots=True)
class ResendUnlessKilled:
    """A resend policy that fills the numbers of orders while the switch is on; they were not taken yet.

    Args:
        policy: decides about the rest.
        switch: the switch.
        traffic: which messages add risk.
    """

    policy: ResendPolicy
    switch: KillSwitch
    traffic: Traffic

    def may_resend(self, msg_type: str, age_seconds: float, former_connection: bool) -> bool:
        """Return false for what adds risk while the switch is on, else what the other policy says."""
        if self.switch.on and msg_type in self.traffic.opens:
            return False
        return self.policy.may_resend(msg_type, age_seconds, former_connection)


def _read(file: Path) -> Pulled | None:
    """Return what the file says; whatever stands in it, it is on."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return Pulled(f"{file} can not be read: {error.strerror}")
    with suppress(ValueError, KeyError, TypeError):
        said = json.loads(text)
        return Pulled(str(said["reason"]), int(said["utc_ns"]))
    return Pulled(f"{file} is there" + (f": {text.strip()[:200]}" if text.strip() else ""))


def _write(file: Path, pulled: Pulled) -> bool:
    """Write the file so that it is whole or not there, also after a power cut."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    with draft.open("w", encoding="utf-8") as out:
        out.write(json.dumps(asdict(pulled)) + "\n")
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True

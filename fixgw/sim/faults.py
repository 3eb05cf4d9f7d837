"""What can go wrong between the venue and its clients, and when: rules, counted for each session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from random import Random

from fixgw.clock import Clock
from fixgw.config.values import Count, Duration, Probability, Text
from fixgw.errors import ConfigError
from fixgw.fix.tags import MSG_SEQ_NUM, MSG_TYPE
from fixgw.sim.kinds import KINDS
from fixgw.sim.messagelog import field_of
from fixgw.venues.kalshi.profile import VENUE

ADMIN = frozenset({"0", "1", "2", "3", "4", "5", "A"})
SPOKEN = ADMIN.union(*(kind.sends | kind.receives for kind in VENUE.profile.kinds.values()))


class Fault(StrEnum):
    """What happens to a frame."""

    DROP = "drop"  # it gets lost
    DELAY = "delay"  # it waits, and all behind it with it
    DUPLICATE = "duplicate"  # it comes twice
    GARBLE = "garble"  # a byte of it changes, so that its checksum is wrong
    GAP = "gap"  # it passes, and the venue leaves out the number behind it
    SILENCE = "silence"  # neither it nor anything behind it passes, and the stream stays open
    REJECT = "reject"  # the venue refuses it, with Reject(3) or BusinessMessageReject(j)
    DISCONNECT = "disconnect"  # it gets lost, and the connection with it


class Direction(StrEnum):
    """Where a frame goes."""

    TO_CLIENT = "to_client"
    TO_VENUE = "to_venue"


LASTING = frozenset({Fault.DELAY, Fault.SILENCE})
ONE_WAY = {Fault.GAP: Direction.TO_CLIENT, Fault.REJECT: Direction.TO_VENUE}


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault, and whom it meets: each frame that matches, or those that at, every or probability choose.

    Args:
        fault: ``drop``, ``delay``, ``duplicate``, ``garble``, ``gap``, ``silence``, ``reject`` or
            ``disconnect``.
        direction: ``to_client`` or ``to_venue``; by default to the client, and to the venue for ``reject``.
        kind: the kind of session, such as ``orders-nr``; empty for all.
        key: the name or the id of an API key; empty for all.
        msg_type: MsgType(35); empty for every application message.
        at: which of the frames that match, in each session, from 1.
        every: each such a frame, 5 for the 5th, the 10th and so on.
        probability: from 0 to 1, drawn for each frame.
        times: how often it happens in each session at most; 0 for any number.
        after: seconds from the venue's start until it begins.
        until: seconds from the venue's start until it ends; left out: it does not.
        lasts: how long a ``delay`` or a ``silence`` holds frames back, seconds; a ``silence`` without it
            lasts as long as the connection.
        business: a ``reject`` is a BusinessMessageReject(j); otherwise a Reject(3).
        reason: BusinessRejectReason(380) or SessionRejectReason(373) of a ``reject``.
        text: Text(58) of a ``reject``.
    """

    fault: Fault
    direction: Direction | None = None
    kind: str = ""
    key: str = ""
    msg_type: Text = ""
    at: Sequence[Count] = ()
    every: int = 0
    probability: Probability | None = None
    times: int = 0
    after: Duration = 0.0
    until: Duration | None = None
    lasts: Duration | None = None
    business: bool = True
    reason: int = 0
    text: str = "refused by the scenario"

    def __post_init__(self) -> None:
        for check in (
            self._chooses_once,
            self._counts,
            self._goes_its_way,
            self._ends,
            self._is_known,
        ):
            check()

    @property
    def way(self) -> Direction:
        """Where the frames go that it meets."""
        return self.direction or ONE_WAY.get(self.fault, Direction.TO_CLIENT)

    def meets(self, kind: str, keys: Collection[str]) -> bool:
        """Tell whether it concerns a session of a kind, whose API key is called so."""
        return self.kind in ("", kind) and (not self.key or self.key in keys)

    def _chooses_once(self) -> None:
        if bool(self.at) + bool(self.every) + (self.probability is not None) > 1:
            raise ConfigError(
                "at, every and probability exclude each other", remedy="keep one of them, or make two rules"
            )

    def _counts(self) -> None:
        if min((*self.at, 1)) < 1 or self.every < 0 or self.times < 0:
            raise ConfigError("frames are counted from 1", remedy="say whole numbers from 1 in at and every")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ConfigError("a probability runs from 0 to 1", remedy="say 0.05 for one frame of twenty")

    def _goes_its_way(self) -> None:
        only = ONE_WAY.get(self.fault)
        if only is not None and self.way is not only:
            raise ConfigError(f"a {self.fault} goes {only} alone", remedy="leave direction out")
        if self.fault is Fault.REJECT and self.msg_type in ADMIN:
            raise ConfigError(
                "a session message can not be refused", remedy="name the type of an application message"
            )

    def _ends(self) -> None:
        if self.fault is Fault.DELAY and self.lasts is None:
            raise ConfigError("a delay needs a time", remedy="say how long: lasts: 250ms")
        if self.lasts is not None and self.fault not in LASTING:
            raise ConfigError(f"a {self.fault} does not last", remedy="leave lasts out")
        if self.until is not None and self.until <= self.after:
            raise ConfigError("it ends before it begins", remedy="say an until that is later than after")

    def _is_known(self) -> None:
        if self.msg_type and self.msg_type not in SPOKEN:
            remedy = f"use one of: {', '.join(sorted(SPOKEN))}"
            raise ConfigError(f"nobody speaks MsgType(35) {self.msg_type!r} here", remedy=remedy)
        names = [kind.name for kind in KINDS]
        if self.kind and self.kind not in names:
            raise ConfigError(
                f"there is no kind of session {self.kind!r}", remedy=f"use one of: {', '.join(names)}"
            )


class _Watch:
    """One rule on one session.

    Args:
        rule: the rule.
        rng: draws for it.
    """

    def __init__(self, rule: FaultRule, rng: Random) -> None:
        self.rule = rule
        self._rng = rng
        self._seen = 0
        self._fired = 0

    def fires(self, msg_type: str, seconds: float) -> bool:
        """Count a frame, and tell whether the fault happens to it."""
        rule = self.rule
        matches = msg_type == rule.msg_type if rule.msg_type else msg_type not in ADMIN
        if not matches or not rule.after <= seconds < (inf if rule.until is None else rule.until):
            return False
        self._seen += 1
        fires = self._chosen() and (not rule.times or self._fired < rule.times)
        self._fired += fires
        return fires

    def _chosen(self) -> bool:
        rule = self.rule
        if rule.at:
            return self._seen in rule.at
        if rule.every:
            return self._seen % rule.every == 0
        return rule.probability is None or self._rng.random() < rule.probability


class SessionFaults:
    """The faults of one session; it outlives connections.

    Args:
        age: seconds from the venue's start.
    """

    def __init__(self, age: Callable[[], float]) -> None:
        self._watches: list[_Watch] = []
        self._age = age
        self._refused: dict[int, FaultRule] = {}

    @property
    def idle(self) -> bool:
        """True while no rule concerns the session."""
        return not self._watches

    def watch(self, rule: FaultRule, rng: Random) -> None:
        """Add a rule."""
        self._watches.append(_Watch(rule, rng))

    def happen_to(self, frame: bytes, direction: Direction) -> Iterator[FaultRule]:
        """Yield what happens to a frame."""
        msg_type = field_of(frame, MSG_TYPE) or ""
        for watch in self._watches:
            rule = watch.rule
            if rule.way is direction and watch.fires(msg_type, self._age()):
                yield rule

    def refuse(self, frame: bytes, rule: FaultRule) -> None:
        """Remember that a frame which passes is to be refused."""
        self._refused[int(field_of(frame, MSG_SEQ_NUM) or 0)] = rule

    def begin_connection(self) -> None:
        """Forget what was to be refused and never came."""
        self._refused.clear()

    def refusal(self, msg_seq_num: int) -> FaultRule | None:
        """Return the rule by which a message is to be refused, once."""
        return self._refused.pop(msg_seq_num, None)


class Faults:
    """The rules of a venue.

    Args:
        rules: those that hold from the start.
        clock: tells when a rule begins and ends.
        seed: what is left to chance comes out of it.
    """

    def __init__(self, rules: Sequence[FaultRule], clock: Clock, seed: int) -> None:
        self._rules = list(rules)
        self._clock = clock
        self._seed = seed
        self._sessions: dict[str, tuple[str, tuple[str, str], SessionFaults]] = {}
        self._start = clock.now().mono

    def add(self, rule: FaultRule) -> None:
        """Let a rule hold from now on, on sessions that are there and on those that come."""
        self._rules.append(rule)
        for name in self._sessions:
            self._apply(len(self._rules) - 1, name)

    def of(self, name: str, kind: str, key: tuple[str, str]) -> SessionFaults:
        """Return the faults of a session.

        Args:
            name: ``KalshiNR/<key id>``.
            kind: the kind of session, such as ``orders-nr``.
            key: id and name of its API key; chance goes by the name, as ids are drawn anew with each key.
        """
        faults = SessionFaults(lambda: self._clock.now().mono - self._start)
        self._sessions[name] = kind, key, faults
        for index in range(len(self._rules)):
            self._apply(index, name)
        return faults

    def _apply(self, index: int, name: str) -> None:
        kind, key, faults = self._sessions[name]
        rule = self._rules[index]
        if rule.meets(kind, key):
            rng = Random(f"{self._seed}/{index}/{kind}/{key[1]}")  # noqa: S311 - not for secrets
            faults.watch(rule, rng)

"""One run over a configuration: what ``fixgw reconcile`` does, and what a program may do in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from fixgw.clock import Clock, SystemClock
from fixgw.config.build import session_plan
from fixgw.config.resolve import Resolved, resolve_sessions
from fixgw.config.rest_client import rest_client
from fixgw.config.settings import load_settings
from fixgw.engine.gateway import Gateway
from fixgw.errors import ConfigError, FixError, StoreError, StoreLocked
from fixgw.handlers.base import Handler
from fixgw.reconcile.delivery import Deliver, Holder
from fixgw.reconcile.feeds import Feed
from fixgw.reconcile.kalshi import DROP_COPY_NS, DropCopyFeed, Known
from fixgw.reconcile.model import ExecKey, Execution, Period, Proof, ReconciliationReport, SessionTimeline
from fixgw.reconcile.placing import PlacingCheck
from fixgw.reconcile.reconciler import Reconciler, silent
from fixgw.reconcile.repair import Repair, RepairPlanner
from fixgw.reconcile.sources import Sources, chosen, source_of
from fixgw.reconcile.streams import Progress
from fixgw.reconcile.tapes import TapeFeed
from fixgw.venues.kalshi.dropcopy import DropCopy
from fixgw.venues.kalshi.messages import EventResendRequest
from fixgw.venues.kalshi.rest import KalshiRest

DAY_NS = 86_400 * 1_000_000_000
LOGON_SECONDS = 15.0

Approve: TypeAlias = Callable[[Repair], bool]


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for.

    Args:
        file: the configuration of the gateway.
        sessions: names of the sessions whose tapes are compared; all that see executions by default.
        since_ns: the beginning of the period, UTC nanoseconds; a day before its end by default.
        until_ns: its end; now by default.
        run_id: names the run; drawn by default.
    """

    file: Path
    sessions: Sequence[str] = ()
    since_ns: int | None = None
    until_ns: int | None = None
    run_id: str = ""

    def period(self, now_ns: int) -> Period:
        """Return the period that is asked for.

        Raises:
            ConfigError: it ends before it begins, or in the future.
        """
        end = now_ns if self.until_ns is None else self.until_ns
        begin = end - DAY_NS if self.since_ns is None else self.since_ns
        if begin >= end:
            raise ConfigError("the period ends before it begins", "--since, --until", "swap them")
        if end > now_ns:
            raise ConfigError("the period ends in the future", "--until", "leave it out for now")
        return Period(begin, end)


async def reconcile(
    job: Job,
    *,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Progress = silent,
    approve: Approve | None = None,
) -> ReconciliationReport:
    """Run one reconciliation; the gateway may run meanwhile, and nothing is changed unless that is approved.

    Args:
        job: what is asked for.
        clock: the only source of time.
        environ: the environment variables for references; the process's own by default.
        progress: told now and then: feed, executions so far, instant reached.
        approve: asked whether what can be repaired is to be; without it nothing is.

    Raises:
        ConfigError: the configuration can not be used for it.
    """
    clock = clock or SystemClock()
    now_ns = clock.now().utc_ns
    period = job.period(now_ns)
    loaded = load_settings(job.file, environ)
    sessions = resolve_sessions(loaded).sessions
    asked = chosen(sessions, job.sessions)
    every = [one for one in sessions if one.account == asked[0].account]  # the venue tells of one account
    sources = Sources()
    async with AsyncExitStack() as open_ones:
        for session in (*asked, *_witnesses(every, asked)):
            sources.add_tape(session, now_ns)
        for session in _that_query(every, asked):
            sources.feeds.append(await _drop_copy(session, asked, now_ns, clock, open_ones))
        rest: KalshiRest | None = None
        try:
            rest = await open_ones.enter_async_context(rest_client(loaded.settings.rest, every))
        except ConfigError as error:
            sources.feeds.append(Unavailable("REST", str(error)))
        else:
            sources.add_rest(rest, up_to_now=job.until_ns is None)
        sources.checks.append(PlacingCheck(sources.named, sources.last))
        report = await Reconciler(
            sources.feeds,
            period,
            checks=sources.checks,
            open_end=job.until_ns is None,
            clock=clock,
            run_id=job.run_id,
            progress=progress,
        ).run()
        if approve is None:
            return report
        repair = await RepairPlanner(sources.last, rest, sources.cents).plan(report)
        admin = loaded.settings.admin
        plans = {one.section.name: session_plan(one, Handler()) for one in asked}  # nobody's code runs here
        holder = Holder(plans, None if admin is None else admin.socket, clock)
        return await repaired(report, repair, approve, holder)


async def repaired(
    report: ReconciliationReport, repair: Repair, approve: Approve, deliver: Deliver
) -> ReconciliationReport:
    """Apply a repair, if somebody says so, and return the report with what came of it.

    Args:
        report: of the run.
        repair: what was worked out of it.
        approve: says whether it is to be applied.
        deliver: to whom: ``to_gateway``, a ``Holder``, or the program's own.
    """
    warnings, applied = [*report.warnings, *(f"not repaired: {what}" for what in repair.left)], 0
    if repair.batches and approve(repair):
        try:
            for batch in repair.batches:
                applied += await deliver(repair.run_id, batch)
        except FixError as error:
            warnings.append(f"not all was applied, and applying again does no harm: {error}")
    return replace(report, warnings=tuple(warnings), applied=applied)


class Unavailable:
    """A feed that can not be had; it takes part in the run so that the report says so.

    Args:
        name: in reports.
        why: and what to do.
    """

    ours = False

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self._why = why

    async def executions(self, period: Period) -> AsyncIterator[Execution]:
        """Say why there are none."""
        raise FixError(self._why)
        yield  # what makes it an iterator

    def proves(self) -> Sequence[Proof]:
        """Nothing."""
        return ()

    def timeline(self) -> SessionTimeline | None:
        """Of no session."""
        return None

    def notes(self) -> Sequence[str]:
        """Nothing beside the failure."""
        return ()


def _witnesses(every: Sequence[Resolved], asked: Sequence[Resolved]) -> list[Resolved]:
    """Return the sessions whose tapes testify: those that hear settlements, and are not compared anyway."""
    return [
        one
        for one in every
        if one not in asked
        and not one.accepts
        and one.store_path is not None
        and one.kind.handler == "settlement"
    ]


def _that_query(every: Sequence[Resolved], asked: Sequence[Resolved]) -> list[Resolved]:
    """Return the sessions that are there to ask for past reports."""
    return [
        one
        for one in every
        if one not in asked and not one.accepts and one.kind.sends == {EventResendRequest.MSG_TYPE}
    ]


async def _drop_copy(
    session: Resolved, tapes: Sequence[Resolved], now_ns: int, clock: Clock, open_ones: AsyncExitStack
) -> Feed:
    """Log on to ask; one key carries one connection, so the session may not run elsewhere."""
    known = await known_before(tapes, now_ns)
    try:
        gateway = Gateway([session_plan(session)], clock=clock, wait="all", timeout=LOGON_SECONDS)
        await open_ones.enter_async_context(gateway)
    except StoreLocked:
        return Unavailable(
            "drop copy",
            f"the running gateway has session {session.section.name}: give the job one with a key of its own",
        )
    except (FixError, ExceptionGroup) as error:
        causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
        return Unavailable("drop copy", "; ".join(str(cause) for cause in causes))
    return DropCopyFeed(gateway.client(DropCopy), known, clock)


async def known_before(tapes: Sequence[Resolved], now_ns: int) -> dict[int, Known]:
    """Return from where a query may begin, for each exchange of which a tape has an execution, however old.

    That is the oldest execution that a query can still reach; everything, where the tapes have none so new.
    A tape that can not be read is told of when it is compared.
    """
    reach = Period(now_ns - DROP_COPY_NS, now_ns)
    found: dict[int, Known] = {}
    quiet: dict[int, Known] = {}
    for session in tapes:
        with suppress(StoreError):
            async for one in TapeFeed(source_of(session), now_ns).executions(Period(0, now_ns)):
                if one.exec_key is None:
                    continue
                exchange = one.exec_key.exchange_index
                if one.utc_ns in reach:
                    found.setdefault(exchange, Known(one.exec_key, one.utc_ns))
                elif exchange not in quiet:
                    quiet[exchange] = Known(ExecKey(exchange, 0, 0), reach.begin_ns)
    return quiet | found

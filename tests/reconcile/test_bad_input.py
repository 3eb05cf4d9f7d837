"""What can be wrong with a tape, a key, a clock or the venue: a clear message, and never a clean verdict."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixgw.messages.order_entry import Side
from fixgw.reconcile.job import known_before
from fixgw.reconcile.model import BreakKind, FeedResult, Period, ReconciliationReport, Verdict
from fixgw.reconcile.tapes import TapeFeed, TapeSource
from fixgw.records import Kind, Record
from fixgw.sim.orders import Side as HouseSide
from fixgw.sim.rest.desk import RestDesk
from fixgw.sim.sessions import memory_sessions
from fixgw.store.reader import records
from fixgw.store.tape import Tape, TapeSettings
from fixgw.venues.kalshi.rest import KalshiRest, RestSettings
from fixgw.venues.kalshi.signer import Credentials
from tests.reconcile.campaign import HOUR_NS, SESSIONS, SYMBOLS, Job, in_memory
from tests.sim.rest import HOST, DeskTransport, credentials_of, rest_of

SYMBOL = SYMBOLS[0]
SECOND = 1_000_000_000


@asynccontextmanager
async def traded(keys: Path, directory: Path, fills: int = 3) -> AsyncIterator[Job]:
    """Trade a little, of which nothing is lost, and let it come to rest."""
    async with in_memory(keys, directory, 1) as job:
        for _ in range(fills):
            job.desk.venue.quote(SYMBOL, HouseSide.SELL, Decimal("0.50"), Decimal(2))
            await job.desk.submit(Side.BUY, 50, 2, SYMBOL)
        await job.desk.pause(10)
        yield replace(job, copy=None)


def failures(report: ReconciliationReport) -> str:
    return "; ".join(one.failure for one in report.feeds if one.failure)


def feed(report: ReconciliationReport, name: str) -> FeedResult:
    [found] = [one for one in report.feeds if one.name == name]
    return found


def on_another_tape(job: Job, path: Path, client: str = "alpha") -> Job:
    """Return the same job over another directory, or for another key."""
    settings = {"orders": {"store": {"kind": "tape", "path": str(path)}}}
    _, (resolved,) = memory_sessions(
        job.desk.venue, {"orders": (SESSIONS["orders"][0], client)}, settings=settings
    )
    return replace(job, resolved=resolved)


async def test_all_is_well_without_any_of_it(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        assert (await job.run()).verdict is Verdict.CLEAN


# -- the tape


async def test_a_torn_tail_is_told_and_what_it_held_is_found(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        copy = tmp_path / "copy" / "orders"
        shutil.copytree(job.desk.tape, copy)
        last = [record for record in records(copy) if b"\x01150=F\x01" in record.payload][-1]
        segment = sorted(copy.glob("*.tape"))[-1]
        whole = segment.read_bytes()
        segment.write_bytes(whole[: whole.rindex(last.payload) + 40])
        report = await on_another_tape(job, copy.parent).run()
        assert report.verdict is Verdict.BREAKS
        assert [one.kind for one in report.breaks][:1] == [BreakKind.MISSING_IN_FIX]
        [note] = feed(report, "tape of orders").notes
        assert "bytes were not read: a write goes on, or broke off" in note


async def test_a_damaged_tape_is_compared_with_nothing_and_nothing_is_applied(
    keys: Path, tmp_path: Path
) -> None:
    async with traded(keys, tmp_path) as job:
        job.desk.gateway["orders"].link.upkeep.checkpoint()
        copy = tmp_path / "copy" / "orders"
        shutil.copytree(job.desk.tape, copy)
        segment = sorted(copy.glob("*.tape"))[0]
        data = bytearray(segment.read_bytes())
        data[data.index(b"\x01150=F\x01")] ^= 0xFF
        segment.write_bytes(data)
        report = await on_another_tape(job, copy.parent).run(apply=True)
        assert (report.verdict, report.exit_code, report.applied) == (Verdict.FAILED, 2, 0)
        assert "offset" in feed(report, "tape of orders").failure
        assert report.warnings[-1].startswith("not repaired: a tape was not read to its end")


async def test_the_tape_of_another_key_is_refused(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        report = await on_another_tape(job, job.desk.tape.parent, "beta").run(apply=True)
        assert (report.verdict, report.applied) == (Verdict.FAILED, 0)
        assert "this is the tape of key-of-alpha, and orders is key-of-beta" in failures(report)


async def test_no_tape_at_all(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        report = await on_another_tape(job, tmp_path / "nowhere").run()
        assert report.verdict is Verdict.FAILED
        assert "no such segment" in failures(report)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [((b"", b""), Verdict.CLEAN), ((b"\x0132=2.00\x01", b"\x0132=3.00\x01"), Verdict.BREAKS)],
)
async def test_a_fill_that_the_tape_has_twice_counts_once_and_agrees_with_itself(
    keys: Path, tmp_path: Path, change: tuple[bytes, bytes], verdict: Verdict
) -> None:
    async with traded(keys, tmp_path) as job:
        store = job.desk.gateway["orders"].link.store
        fill = next(one for one in records(job.desk.tape) if b"\x01150=F\x01" in one.payload)
        newest = [one for one in records(job.desk.tape) if one.kind == Kind.FRAME][-1]
        payload = fill.payload.replace(*change) if change[0] else fill.payload
        store.commit([newest._replace(flags=4, msg_seq_num=fill.msg_seq_num, payload=payload)])
        report = await job.run()
        assert (report.verdict, report.totals[0].our_count) == (verdict, 3)
        assert "1 executions were told twice by one feed, and count once" in report.warnings


async def test_segments_that_were_deleted_leave_their_time_unproven(keys: Path, tmp_path: Path) -> None:
    settings = {"segment_bytes": 4096, "checkpoint_bytes": 4096, "compress": False}
    async with traded(keys, tmp_path, fills=0) as job:
        short = on_another_tape(job, tmp_path / "short")
        assert short.resolved.store_path is not None
        _roll(short.resolved.store_path, settings, job.desk.venue.now().utc_ns)
        report = await short.run()
        assert (report.verdict, report.exit_code) == (Verdict.UNPROVEN, 2)
        [unproven] = report.unproven["orders"]
        assert unproven.begin_ns == report.period.begin_ns


async def test_an_order_whose_frames_were_deleted_with_their_segment_is_not_foreign(
    keys: Path, tmp_path: Path
) -> None:
    settings = {"segment_bytes": 4096, "checkpoint_bytes": 4096, "compress": False}
    async with traded(keys, tmp_path, fills=0) as job:
        order = await job.desk.submit(Side.BUY, 40, 10, SYMBOL)
        await job.desk.pause(60)
        short = on_another_tape(job, tmp_path / "short")
        assert short.resolved.store_path is not None
        books = {book.name: book.dump() for book in job.desk.gateway["orders"].link.router.books}
        _roll(short.resolved.store_path, settings, job.desk.venue.now().utc_ns, books)
        await job.desk.pause(10)
        job.desk.venue.fill(order.cl_ord_id, Decimal(1))
        await job.desk.pause(10)
        report = await short.run()
        found = [(one.kind, one.session, one.order_id) for one in report.breaks]
        assert found == [(BreakKind.MISSING_IN_FIX, "orders", order.order_id)]


def _roll(path: Path, settings: dict[str, Any], now_ns: int, books: Mapping[str, bytes] = {}) -> None:
    """Write a tape in two segments, and delete the first."""
    tape = Tape(path, TapeSettings(**settings))
    tape.load()
    for minute in range(60):
        at = now_ns - (60 - minute) * 60 * SECOND
        tape.commit([Record(Kind.NOTE, 0, 1, 0, 1, 1, at, b"x" * 1024)])
    tape.checkpoint(books, now_ns)
    tape.close()
    first, *_ = sorted(path.glob("*.tape"))
    first.unlink()


async def test_a_listener_does_not_prove_the_seconds_around_what_it_lost(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        await job.desk.pause(120)
        listener = TapeFeed(TapeSource("heard", job.desk.tape), job.desk.venue.now().utc_ns, ours=False)
        async for _ in listener.executions(Period(0, 1 << 62)):
            pass
        told = listener.timeline()
        [proof] = listener.proves()
        assert told is not None
        [whole] = told.connected
        assert proof.period == Period(whole.begin_ns + 2 * SECOND, whole.end_ns - 2 * SECOND)


# -- the venue


async def test_a_clock_that_is_off_is_told_as_such(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        job.desk.venue.rest.faults.clock_seconds = 90
        report = await job.run()
        assert (report.verdict, report.exit_code) == (Verdict.FAILED, 2)
        assert "clock" in failures(report)


async def test_a_wrong_key_is_told_as_such(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        mine, other = (credentials_of(job.desk.venue, name) for name in ("alpha", "beta"))
        transport = DeskTransport(job.desk.venue)
        clock = job.desk.venue.settings.clock
        wrong = Credentials(mine.api_key_id, other.key)
        async with KalshiRest(HOST, wrong, clock=clock, transport=transport) as rest:
            report = await replace(job, rest=rest).run()
        assert report.exit_code == 2
        assert "the signature is wrong" in failures(report)


async def test_the_key_of_another_account_shows_nothing_of_ours(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job, rest_of(job.desk.venue, "beta") as rest:
        report = await replace(job, rest=rest).run(apply=True)
        assert (report.verdict, report.applied) == (Verdict.BREAKS, 0)
        assert {one.kind for one in report.breaks} == {
            BreakKind.MISSING_AT_VENUE,
            BreakKind.POSITION_DIFFERENCE,
        }


async def test_a_page_that_repeats_its_cursor_does_not_go_on_for_ever(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        job.desk.venue.rest.faults.repeat_cursor = True
        report = await job.run()
        assert report.exit_code == 2
        assert "the cursor of a page came twice" in failures(report)


class Breaking(DeskTransport):
    """Answers so many requests, then no more."""

    def __init__(self, job: Job, answers: int, error: type[httpx.TransportError]) -> None:
        super().__init__(job.desk.venue)
        self._answers = answers
        self._error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if len(self.asked) >= self._answers:
            raise self._error("no more", request=request)
        return await super().handle_async_request(request)


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.RemoteProtocolError])
@pytest.mark.parametrize("answers", range(0, 10, 3))
async def test_an_answer_that_is_late_or_half_proves_nothing(
    keys: Path, tmp_path: Path, answers: int, error: type[httpx.TransportError]
) -> None:
    async with traded(keys, tmp_path) as job:
        venue, clock = job.desk.venue, job.desk.venue.settings.clock
        patience = RestSettings(attempts=1, page_size=1)
        transport = Breaking(job, answers, error)
        credentials = credentials_of(venue, "alpha")
        async with KalshiRest(HOST, credentials, settings=patience, clock=clock, transport=transport) as rest:
            report = await replace(job, rest=rest).run()
        assert report.exit_code == 2
        assert "no reply" in failures(report)


async def test_what_the_replica_does_not_have_yet_is_not_judged(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        job.desk.venue.rest.faults.lag_seconds = 3600
        report = await job.run()
        assert (report.breaks, report.counts.pending) == ((), 3)
        assert report.exit_code == 2


class Moving(DeskTransport):
    """Changes something at the venue before each answer to a path."""

    def __init__(self, job: Job, path: str, change: Callable[[RestDesk], None]) -> None:
        super().__init__(job.desk.venue)
        self._path, self._change, self._rest = path, change, job.desk.venue.rest

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(self._path):
            self._change(self._rest)
        return await super().handle_async_request(request)


async def test_a_replica_that_is_behind_the_one_that_was_asked_proves_nothing(
    keys: Path, tmp_path: Path
) -> None:
    def fall_back(rest: RestDesk) -> None:
        rest.faults.lag_seconds = 3600

    async with traded(keys, tmp_path) as job:
        async with rest_of(job.desk.venue, transport=Moving(job, "/portfolio/fills", fall_back)) as rest:
            report = await replace(job, rest=rest).run()
        assert (report.verdict, report.breaks, report.counts.matched) == (Verdict.UNPROVEN, (), 0)


@pytest.mark.parametrize("path", ["/portfolio/fills", "/historical/fills"])
async def test_fills_that_are_put_away_while_the_lists_are_read_are_not_lost(
    keys: Path, tmp_path: Path, path: str
) -> None:
    def put_away(rest: RestDesk) -> None:
        rest.cutoff_ns = job.desk.venue.now().utc_ns - 5 * SECOND

    async with traded(keys, tmp_path) as job:
        job.desk.venue.rest.cutoff_ns = job.desk.venue.now().utc_ns - 20 * 60 * SECOND
        async with rest_of(job.desk.venue, transport=Moving(job, path, put_away)) as rest:
            report = await replace(job, rest=rest).run()
        assert (report.verdict, report.counts.matched) == (Verdict.CLEAN, 3)


# -- periods that nobody remembers


async def test_a_shard_that_was_quiet_for_hours_is_asked_for_all_the_same(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await job.desk.order()
        await job.desk.fill()
        store = job.desk.gateway["orders"].link.store
        fill = next(one for one in records(job.desk.tape) if b"\x01150=F\x01" in one.payload)
        exec_id = re.search(rb"\x0117=([^\x01]*)", fill.payload)
        assert exec_id is not None
        elsewhere = fill.payload.replace(exec_id[0], exec_id[0] + b";1")
        newest = [one for one in records(job.desk.tape) if one.kind == Kind.FRAME][-1]
        store.commit([newest._replace(flags=4, msg_seq_num=fill.msg_seq_num, payload=elsewhere)])
        await job.desk.pause(4 * 3600)
        await job.desk.fill()
        known = await known_before([job.resolved], job.desk.venue.now().utc_ns)
        assert sorted(known) == [0, 1]
        assert known[1].key == (1, 0, 0)


async def test_the_drop_copy_alone_proves_three_hours(keys: Path, tmp_path: Path) -> None:
    async with in_memory(keys, tmp_path, 1) as job:
        await job.desk.order()
        await job.desk.fill()
        await job.desk.pause(4 * 3600)
        await job.desk.fill()
        await job.desk.pause(10)
        now_ns = job.desk.venue.now().utc_ns
        report = await replace(job, rest=None).run(period=Period(now_ns - 5 * HOUR_NS, now_ns))
        assert report.exit_code == 2
        [unproven] = report.unproven["orders"]
        assert unproven.end_ns >= now_ns - 3 * HOUR_NS


async def test_beyond_the_cutoff_the_historical_lists_are_asked(keys: Path, tmp_path: Path) -> None:
    async with traded(keys, tmp_path) as job:
        job.desk.venue.rest.cutoff_ns = job.desk.venue.now().utc_ns - 5 * SECOND
        report = await job.run()
        assert (report.verdict, report.counts.matched) == (Verdict.CLEAN, 3)

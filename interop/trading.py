"""What another engine's trader does at the venue, and what has to come back, step by step.

The trader knows the venue by ``fixgw dict export`` alone. What it saw is held against the ledger that the
venue leaves.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import perf_counter
from typing import Any

from interop.peer import Peer
from interop.relay import Relay
from interop.scenario import Step, Wrong, expect
from interop.simulator import Venue
from interop.traders import (
    BUSINESS_REASON,
    CL_ORD_ID,
    EXEC_ID,
    EXEC_TYPE,
    GROUP_ACTION,
    GROUP_ID,
    MARKET,
    ORD_STATUS,
    ORIG_CL_ORD_ID,
    PAUSE,
    QUOTE_ID,
    QUOTE_REQ_ID,
    QUOTE_STATUS,
    RFQ_ID,
    SYMBOL,
    TEXT,
    TRADERS,
    Heard,
    Session,
)

OTHER_MARKET = "KXFED-26DEC-T4.00"
ENDING_MARKET, HALTING_MARKET = "ENDS-26DEC31", "HALTS-26DEC31"  # see venue.yaml
STEP_SECONDS = 20.0
BURST = 40  # orders around the loss of the connection
AGAIN = 25  # messages that are asked for once more

BUY, SELL = "1", "2"
NEW, TRADE, CANCELED, REPLACED, REJECTED, EXPIRED = "0", "F", "4", "5", "8", "C"


class Trading:
    """The steps.

    Args:
        venue: the simulator's process.
        peer: the trader's process.
        relay: the network between KalshiRT and the venue.
    """

    def __init__(self, venue: Venue, peer: Peer, relay: Relay) -> None:
        self.steps: list[Step] = []
        self.sessions = {name: Session(peer, name) for name in TRADERS}
        self.ledger: dict[str, Any] = {}
        self._venue = venue
        self._peer = peer
        self._relay = relay
        self._nr, self._rt = self.sessions["nr"], self.sessions["rt"]

    @property
    def heard(self) -> Iterator[Heard]:
        """Everything that came in."""
        return (one for session in self.sessions.values() for one in session.heard)

    async def run(self) -> None:
        """Take all steps; the first that fails is the last."""
        plan: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("signed Logons on six sessions", self.logged_on),
            ("KalshiNR: new, fill", self.fill),
            ("KalshiNR: replace, cancel", self.replace_and_cancel),
            ("KalshiNR: refusals", self.refusals),
            ("KalshiNR: mass cancel, its limit", self.mass_cancel),
            ("KalshiNR: order groups", self.order_groups),
            ("KalshiRT: trades lost connection and all", self.lost_connection),
            ("KalshiRT: asks again", self.ask_again),
            ("KalshiRFQ: quote, confirm, fill", self.request_for_quote),
            ("KalshiRFQ: quote and request withdrawn", self.withdrawals),
            ("KalshiDC: reports once more", self.drop_copy),
            ("KalshiMD: books and refusals", self.market_data),
            ("KalshiRT and KalshiMD: a market is settled", self.settlement),
            ("Logout, and the venue's ledger agrees", self.ledger_agrees),
        )
        for what, step in plan:
            if not await self._take(what, step):
                return

    async def _take(self, what: str, step: Callable[[], Awaitable[None]]) -> bool:
        started_at, fault = perf_counter(), ""
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await step()
            await self._no_faults()
        except TimeoutError:
            faults = await self._faults()
            fault = f"not done after {STEP_SECONDS:g} s; {faults}; last heard: {self._latest()}"
        except (Wrong, RuntimeError) as error:
            fault = f"{error}; last heard: {self._latest()}"
        self.steps.append(Step(what, perf_counter() - started_at, fault))
        return not fault

    def _latest(self) -> str:
        texts = [session.heard[-1].text for session in self.sessions.values() if session.heard]
        return "  ".join(text.replace("\x01", "|") for text in texts)

    async def _no_faults(self) -> None:
        faults = await self._faults()
        expect(not faults, f"QuickFIX refused: {faults}")

    async def _faults(self) -> list[str]:
        """Return what QuickFIX has refused by itself."""
        faults: list[str] = (await self._peer.do("state"))["faults"]
        return [one.replace("\x01", "|") for one in faults]

    # -- steps --

    async def logged_on(self) -> None:
        """Every session is up."""
        await self._active(set(TRADERS))

    async def _active(self, names: set[str]) -> None:
        while set((await self._peer.do("state"))["active"]) != names:  # noqa: ASYNC110 -- another process
            await asyncio.sleep(PAUSE)

    async def fill(self) -> None:
        """An order meets the house's; another one is filled in two parts."""
        nr, rt = self._nr, self._rt
        await rt.order("rt-ends", BUY, "0.55", t55=ENDING_MARKET)
        await rt.report("rt-ends", TRADE)
        await rt.order("rt-ends-resting", BUY, "0.40", t55=ENDING_MARKET)
        await rt.report("rt-ends-resting", NEW)
        await nr.order("nr-fill", BUY, "0.55")
        await nr.report("nr-fill", "A")
        traded = await nr.report("nr-fill", TRADE)
        expect((traded[ORD_STATUS], traded[31], traded[32]) == ("2", "0.5500", "10.00"), "not filled at 0.55")
        await nr.order("nr-parts", BUY, "0.50", t18="6")
        await nr.report("nr-parts", NEW)
        for part in ("1", "2"):
            await rt.order(f"rt-part-{part}", SELL, "0.50", "5", t59="3")
            await rt.report(f"rt-part-{part}", TRADE)
            await nr.report("nr-parts", TRADE, t39=part)

    async def replace_and_cancel(self) -> None:
        """An order rests, gets another price and size, and is cancelled."""
        nr = self._nr
        await nr.order("nr-rests", BUY, "0.40")
        await nr.report("nr-rests", NEW)
        changed = {CL_ORD_ID: "nr-changed", ORIG_CL_ORD_ID: "nr-rests", 38: "8", 40: "2", 44: "0.41", 54: BUY}
        await nr.send("G", {**changed, SYMBOL: MARKET})
        await nr.report("nr-changed", "E")
        replaced = await nr.report("nr-changed", REPLACED)
        expect((replaced[ORIG_CL_ORD_ID], replaced[44]) == ("nr-rests", "0.4100"), "not replaced")
        expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y%m%d-%H:%M:%S.000")
        options = {"t59": "6", "t126": expires, "t79": "2", "t2964": "2", "t21006": "Y", "t21009": "4.50"}
        await nr.order("nr-options", BUY, "0.41", **options)
        resting = await nr.report("nr-options", NEW)
        expect(
            (resting[126], resting[79]) == (expires, "2"), "expiry or subaccount are not those of the order"
        )
        await nr.cancel("nr-gone", "nr-changed", BUY)
        await nr.report("nr-gone", "6")
        cancelled = await nr.report("nr-gone", CANCELED)
        expect(cancelled[151] == "0.00", "something is left of a cancelled order")

    async def refusals(self) -> None:
        """An order, a cancel, a replace, a tag and a message type that the venue does not take."""
        nr = self._nr
        await nr.order("nr-nowhere", BUY, "0.40", t55="NOWHERE")
        rejected = await nr.report("nr-nowhere", REJECTED)
        expect((rejected[103], rejected[TEXT]) == ("1", "MARKET_NOT_FOUND"), "an unknown market was taken")
        await nr.cancel("nr-cancel-none", "nr-none", BUY)
        await nr.get("9", {CL_ORD_ID: "nr-cancel-none", 434: "1", 102: "1"})
        changed = {CL_ORD_ID: "nr-replace-none", ORIG_CL_ORD_ID: "nr-none", 38: "8", 40: "2", 54: BUY}
        await nr.send("G", {**changed, SYMBOL: MARKET})
        await nr.get("9", {CL_ORD_ID: "nr-replace-none", 434: "2"})
        await nr.order("nr-tag", BUY, "0.40", t333333="x")
        await nr.get("3", {371: "333333", 372: "D", 373: "3"})
        await nr.send("V", {263: "0", 146: [{SYMBOL: MARKET}]})
        await nr.get("j", {372: "V", BUSINESS_REASON: "3"})

    async def mass_cancel(self) -> None:
        """All orders of the session go, told one by one; a second time within a second is refused."""
        nr, ids = self._nr, [f"nr-mass-{number}" for number in range(3)]
        for cl_ord_id in ids:
            await nr.order(cl_ord_id, BUY, "0.30")
            await nr.report(cl_ord_id, NEW)
        await nr.send("q", {CL_ORD_ID: "nr-all", 530: "6"})
        await nr.send("q", {CL_ORD_ID: "nr-all-again", 530: "6"})
        await nr.get("r", {CL_ORD_ID: "nr-all", 531: "6"})
        for cl_ord_id in ids:
            await nr.report(cl_ord_id, CANCELED)
        await nr.get("j", {372: "q", BUSINESS_REASON: "8"})

    async def order_groups(self) -> None:
        """A group is made, limits an order, is triggered, changed, reset and deleted."""
        nr = self._nr
        await nr.send("UOG", {GROUP_ACTION: "1", 20132: "50"})
        group_id = (await nr.get("UOH", {20132: "50"}))[GROUP_ID]
        await nr.order("nr-grouped", BUY, "0.31", t526=group_id)
        await nr.report("nr-grouped", NEW)
        await nr.send("UOG", {GROUP_ACTION: "4", GROUP_ID: group_id})
        await nr.report("nr-grouped", CANCELED, t58="ORDER_GROUP_CANCEL")
        await nr.send("UOG", {GROUP_ACTION: "5", GROUP_ID: group_id, 20132: "60"})
        await nr.get("UOH", {GROUP_ID: group_id, 20132: "60"})
        for action in ("2", "3"):
            await nr.send("UOG", {GROUP_ACTION: action, GROUP_ID: group_id})
        await nr.send("UOG", {GROUP_ACTION: "3", GROUP_ID: group_id})
        await nr.get("j", {372: "UOG", TEXT: "ORDER_GROUP_NOT_FOUND"})

    async def lost_connection(self) -> None:
        """Fills that happen, and orders that are sent, without a connection arrive on the next one, once."""
        nr, rt = self._nr, self._rt
        for number in range(BURST):
            await rt.order(f"rt-rests-{number}", SELL, "0.54", "1")
        await rt.report(f"rt-rests-{BURST - 1}", NEW)
        self._relay.gate = False
        self._relay.cut()
        await self._active(set(TRADERS) - {"rt"})
        await nr.order("nr-takes", BUY, "0.54", str(BURST), t59="4")
        await nr.report("nr-takes", TRADE, t39="2")
        await rt.order("rt-meanwhile", SELL, "0.53", "1")
        self._relay.gate = True
        await self._active(set(TRADERS))
        await rt.report("rt-meanwhile", NEW)
        for number in range(BURST):
            await rt.report(f"rt-rests-{number}", TRADE, t39="2")
        await rt.cancel("rt-meanwhile-gone", "rt-meanwhile", SELL)
        await rt.report("rt-meanwhile-gone", CANCELED)
        self._once(rt)

    async def ask_again(self) -> None:
        """The trader expects old numbers: it asks, and the same messages come again, with PossDupFlag."""
        rt = self._rt
        await self._peer.do("logout", session="rt")
        await self._active(set(TRADERS) - {"rt"})
        await rt.listen()
        before = len([one for one in rt.heard if one.poss_dup])
        again = await self._peer.do("rewind", session="rt", count=AGAIN)
        await self._peer.do("logon", session="rt")
        await self._active(set(TRADERS))
        await rt.order("rt-after", BUY, "0.20", "1", t59="3")
        await rt.report("rt-after", CANCELED)
        repeated = len([one for one in rt.heard if one.poss_dup and one.msg_type == "8"]) - before
        expect(0 < repeated <= again, f"of {again} messages {repeated} came again")
        self._once(rt)

    def _once(self, session: Session) -> None:
        first = Counter(one[EXEC_ID] for one in session.heard if one.msg_type == "8" and not one.poss_dup)
        twice = [exec_id for exec_id, count in first.items() if count > 1 and exec_id != "-1;-1"]
        expect(not twice, f"reports came twice without PossDupFlag: {twice}")

    async def request_for_quote(self) -> None:
        """A combination is asked for, quoted, taken, confirmed and filled."""
        rt, rfq = self._rt, self.sessions["rfq"]
        legs: list[Mapping[int, Any]] = [
            {20182: "HIGHNY", 20183: MARKET, 20184: "yes"},
            {20182: "KXFED", 20183: OTHER_MARKET, 20184: "no"},
        ]
        await rt.send("R", {QUOTE_REQ_ID: "ask-1", 146: [{38: "100"}], 20180: "PARLAY", 20181: legs})
        opened = await rt.get("b", {QUOTE_REQ_ID: "ask-1"})
        rfq_id, symbol = opened[RFQ_ID], opened[SYMBOL]
        asked = await rfq.get("R", {QUOTE_REQ_ID: rfq_id})
        expect(asked.pairs.count((20184, "no")) == 1 and asked[20181] == "2", "a leg is missing")
        offer = {QUOTE_ID: "quote-1", QUOTE_REQ_ID: rfq_id, SYMBOL: symbol, 132: "0.40", 133: "0.55"}
        await rfq.send("S", offer)
        await rfq.get("AI", {QUOTE_ID: "quote-1", QUOTE_STATUS: "10"})
        quoted = await rt.get("S", {QUOTE_ID: "quote-1"})
        expect(quoted[132] == "0.4000", "the quote has another price")
        taken = {QUOTE_ID: "quote-1", RFQ_ID: rfq_id, 54: BUY, CL_ORD_ID: "rt-takes-quote"}
        await rt.send("UA", taken)
        await rt.get("UC", {QUOTE_ID: "quote-1", 21025: "0"})
        await rfq.get("AI", {QUOTE_ID: "quote-1", QUOTE_STATUS: "0"})
        await rfq.send("U7", {QUOTE_ID: "quote-1", RFQ_ID: rfq_id})
        await rfq.get("U8", {QUOTE_ID: "quote-1", 21010: "0"})
        filled = await rt.report("rt-takes-quote", TRADE)
        expect((filled[SYMBOL], filled[ORD_STATUS]) == (symbol, "2"), "the quote was not filled")

    async def withdrawals(self) -> None:
        """A maker takes a quote back, a creator a request; what is gone can be had no more."""
        rt, rfq = self._rt, self.sessions["rfq"]
        await rt.send("R", {QUOTE_REQ_ID: "ask-2", 146: [{SYMBOL: MARKET, 38: "10", 21015: "Y"}]})
        rfq_id = (await rt.get("b", {QUOTE_REQ_ID: "ask-2"}))[RFQ_ID]
        await rfq.get("R", {QUOTE_REQ_ID: rfq_id})
        offer = {QUOTE_REQ_ID: rfq_id, SYMBOL: MARKET, 132: "0.40"}
        await rfq.send("S", {QUOTE_ID: "quote-2", **offer})
        await rt.get("S", {QUOTE_ID: "quote-2"})
        await rfq.send("Z", {QUOTE_ID: "quote-2"})
        await rfq.get("U9", {QUOTE_ID: "quote-2", 298: "0"})
        await rfq.get("AI", {QUOTE_ID: "quote-2", QUOTE_STATUS: "17"})
        await rfq.send("S", {QUOTE_ID: "quote-3", **offer, 132: "1.40"})
        await rfq.get("AI", {QUOTE_REQ_ID: rfq_id, QUOTE_STATUS: "5"})
        await rt.send("UA", {QUOTE_ID: "quote-2", 54: SELL})
        await rt.get("UC", {QUOTE_ID: "quote-2", 21025: "1"})
        await rt.send("UE", {QUOTE_REQ_ID: "ask-2"})
        await rt.get("UB", {QUOTE_REQ_ID: "ask-2", 21013: "0"})
        await rfq.get("AG", {QUOTE_REQ_ID: rfq_id})
        await rfq.send("U7", {QUOTE_ID: "quote-2"})
        await rfq.get("U8", {QUOTE_ID: "quote-2", 21010: "1"})
        await rt.send("R", {QUOTE_REQ_ID: "ask-3", 146: [{SYMBOL: "NOWHERE", 38: "10"}]})
        await rt.get("AG", {QUOTE_REQ_ID: "ask-3", 658: "1"})
        twice: list[Mapping[int, Any]] = [{20182: "HIGHNY", 20183: MARKET, 20184: "yes"}] * 2
        await rt.send("R", {QUOTE_REQ_ID: "ask-4", 146: [{38: "10"}], 20180: "PARLAY", 20181: twice})
        refused = await rt.get("AG", {QUOTE_REQ_ID: "ask-4", 20187: "duplicated_legs"})
        expect((refused[20185], refused[20186]) == ("1", MARKET), "the leg at fault is not named")

    async def drop_copy(self) -> None:
        """What KalshiRT has reported of the account comes again on request, and no more than that."""
        dc = self.sessions["dc"]
        await self._rt.listen()
        known = {one[EXEC_ID]: one for one in self._rt.heard if one.msg_type == "8"}
        await dc.send("U1", {21001: next(iter(known))})
        done = await dc.get("U2", {})
        copied = {one[EXEC_ID]: one for one in dc.heard if one.msg_type == "8"}
        expect(len(copied) == int(done[21003]), "the count of U2 is not that of the reports")
        # New may be folded into the trade behind it.
        lacking = [one.text for one in known.values() if one[EXEC_ID] not in copied and one[EXEC_TYPE] != NEW]
        expect(not lacking, f"the drop copy lacks {lacking[:2]}")
        expect(not copied.keys() - known.keys(), "the drop copy has what KalshiRT was not told")
        await dc.send("U1", {21001: next(iter(known)), 21002: "999999999;1"})
        await dc.get("U3", {21004: "4"})

    async def market_data(self) -> None:
        """A snapshot, then every change; a ticker and a subscription that there are not."""
        md = self.sessions["md"]
        await md.send("V", {263: "1", 146: [{SYMBOL: MARKET}, {SYMBOL: "NOWHERE"}]})
        book = await md.get("W", {SYMBOL: MARKET})
        expect((book[268], book[270]) == ("2", "0.4500"), "the book is not the house's")
        await md.get("W", {SYMBOL: "NOWHERE", 268: "0"})
        await self._nr.order("nr-seen", BUY, "0.55", "3", t59="3")
        await md.get("X", {SYMBOL: MARKET, 269: "2", 271: "3.00"})
        await md.send("V", {263: "7", 146: [{SYMBOL: MARKET}]})
        await md.get("Y", {281: "4"})

    async def settlement(self) -> None:
        """A market ends: what rests in it expires, and what is held is paid out."""
        rt, md = self._rt, self.sessions["md"]
        for market in (ENDING_MARKET, HALTING_MARKET):
            await md.send("e", {263: "1", SYMBOL: market})
        await md.get("f", {SYMBOL: HALTING_MARKET, 326: "2"})
        await md.get("f", {SYMBOL: HALTING_MARKET, 326: "3"})
        await rt.report("rt-ends-resting", EXPIRED)
        await rt.get("UMS", {SYMBOL: ENDING_MARKET, 20107: "yes", 730: "100.00"})

    async def ledger_agrees(self) -> None:
        """Every execution of the two desks was reported to them, and they saw nothing else."""
        for name in TRADERS:
            await self.sessions[name].listen()
            await self._peer.do("logout", session=name)
        await self._active(set())
        self.ledger = await self._venue.stop()
        sessions = {order["order_id"]: order["session"] for order in self.ledger["orders"]}
        for session in (self._nr, self._rt):
            name = f"{TRADERS[session.name].target}/{self._venue.keys[TRADERS[session.name].key].key_id}"
            own = [one for one in self.ledger["executions"] if sessions[one["order_id"]] == name]
            self._reported(session, own)
            self._once(session)

    def _reported(self, session: Session, executions: list[dict[str, Any]]) -> None:
        reports = {one[EXEC_ID]: one for one in session.heard if one.msg_type == "8"}
        reports.pop("-1;-1", None)
        told = {one["exec_id"]: one for one in executions if one["exec_id"] in reports}
        expect(set(reports) == set(told), f"{session.name} was told of what did not happen")
        lost = [one for one in executions if one["exec_id"] not in reports and one["kind"] != "Accepted"]
        expect(not lost, f"{session.name} was not told: {lost[:2]}")
        for exec_id, one in told.items():
            seen = reports[exec_id]
            right = (Decimal(seen[14]), Decimal(seen[151])) == (Decimal(one["cum"]), Decimal(one["leaves"]))
            expect(right, f"{session.name}: {exec_id} has {seen[14]} and {seen[151]}, the ledger {one}")

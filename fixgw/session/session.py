"""The FIXT.1.1 session, both roles: bytes, messages and time in, outcomes out."""

from __future__ import annotations

from dataclasses import replace

from fixgw.clock import Now
from fixgw.errors import LocalError, NotLoggedOn, Reject
from fixgw.fix.message import Message
from fixgw.records import Flag, Record
from fixgw.session import admin
from fixgw.session.liveness import Due
from fixgw.session.outcome import CloseCode, Outcome
from fixgw.session.reading import Reading
from fixgw.session.snapshot import SessionSnapshot
from fixgw.session.state import LEGAL, Input, Phase
from fixgw.session.verdict import Verdict

_OUT = int(Flag.OUTBOUND)


class Session(Reading):
    """One FIX session over as many connections as it takes.

    A driver calls ``dial`` or ``accept`` on a fresh stream, ``receive`` with what was read, ``send`` to send,
    ``tick`` once ``deadline`` has passed, ``logout`` to leave and ``lost`` when the stream is gone; it does
    what each ``Outcome`` asks before the next call.

    Args:
        settings: what the session knows about itself.
        numbers: where the numbers stand, as the store holds them.
    """

    def receive(self, data: bytes, now: Now) -> Outcome:
        """Take what was read from the stream, in pieces of any size.

        Args:
            data: the bytes.
            now: when they were read.

        Returns:
            A record for each frame, what answers it, and the events; application messages stand among them as
            they are. Whatever the bytes are, nothing is raised.
        """
        out = Outcome()
        if self.phase is Phase.CLOSED:
            return out
        self.liveness.heard(now.mono)
        self.tally.last_received_utc_ns = now.utc_ns
        for item in self._framer.feed(data):
            if type(item) is bytes and self.phase is Phase.ACTIVE:
                self._take_frame(item, now, out)
            else:
                self._take(item, now, out)
            if out.close is not None:
                break
        return out

    def send(self, message: Message, now: Now) -> Record:
        """Number, stamp and encode one application message; append the record, then write its payload.

        Raises:
            NotLoggedOn: the session is not active; no number was used.
            EncodeError: a value can not stand on the wire; no number was used.
            LocalError: it is an admin message, which only the session itself sends.
        """
        if self.phase is not Phase.ACTIVE:
            raise NotLoggedOn(f"session {self.settings.name} is {self.phase.value}: nothing can be sent")
        if message.msg_type in LEGAL:
            raise LocalError(f"MsgType {message.msg_type} is for the session itself to send")
        return self._number(message, now, _OUT)

    def refuse(self, reject: Reject, message: Message, now: Now) -> Outcome:
        """Answer a received message with Reject(3), or BusinessMessageReject(j) if ``reject.business``.

        The session goes on, whatever the reason: what an application refuses is no fault of the session.
        """
        out = Outcome()
        if self.phase in (Phase.ACTIVE, Phase.LOGOUT_SENT):
            self._emit_refusal(reject, message, now, out)
        return out

    def admit(self, verdict: Verdict, now: Now) -> Outcome:
        """Carry out the verdict on the Logon that waits, then take what came behind it.

        Raises:
            LocalError: no Logon waits.
        """
        self._after(Input.ADMIT)
        out = Outcome()
        self._admit(verdict, now, out)
        held, self._held = self._held, []
        for item in held:
            if out.close is not None:
                break
            self._take(item, now, out)
        return out

    def tick(self, now: Now) -> Outcome:
        """Do what is due; calling early does nothing."""
        out = Outcome()
        if now.mono >= self._handshake_by:
            answered = self.phase is Phase.LOGOUT_SENT
            self._end(CloseCode.LOGOUT_TIMEOUT if answered else CloseCode.LOGON_TIMEOUT, "", now, out)
        if now.mono >= self.gap.deadline:
            self._gap_is_due(now, out)
        self._keep_alive(now, out)
        return out

    def hold(self, held: bool, now: Now) -> None:
        """Note that the driver stops to read, or reads again: a peer that is not read is not silent."""
        if held:
            self.liveness.deafen(now.mono)
        else:
            self.liveness.listen(now.mono)

    def snapshot(self) -> SessionSnapshot:
        """Return what there is to see of the session now."""
        settings = self.settings
        tally = replace(self.tally, received=dict(self.tally.received), sent=dict(self.tally.sent))
        return SessionSnapshot(
            name=settings.name,
            role=settings.role.value,
            phase=self.phase.value,
            sender_comp_id=settings.sender_comp_id,
            target_comp_id=settings.target_comp_id,
            epoch=self.epoch,
            next_out=self.next_out,
            next_in=self.next_in,
            heart_bt_int=self.heart_bt_int,
            gap_last=self.gap.last,
            waiting=len(self.room),
            tally=tally,
        )

    def _keep_alive(self, now: Now, out: Outcome) -> None:
        due = self.liveness.due(now.mono)
        if due is Due.CLOSE:
            self._end(CloseCode.SILENT, "no answer to our TestRequest", now, out)
        elif due is Due.TEST_REQUEST:
            self._emit(admin.test_request(), now, out)
            self.liveness.probed(now.mono)
        elif due is Due.HEARTBEAT:
            self._emit(admin.heartbeat(), now, out)

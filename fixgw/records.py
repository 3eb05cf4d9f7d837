"""What is written down: the records of a session's log, and the numbers that they carry."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple


class Kind(IntEnum):
    """What a record holds."""

    FRAME = 1  # a FIX message as it was on the wire
    CONNECT = 2  # a connection came up; payload: peer address and TLS version
    DROP = 3  # a connection ended; payload: the reason
    RESET = 4  # both numbers went back to 1 and the epoch up by one
    NUMBERS = 5  # a person set the numbers; payload: who and why
    CURSOR = 6  # handlers have returned for everything up to epoch and msg_seq_num
    SYNC = 7  # everything before the offset in its payload is known to be on the medium
    CHECKPOINT = 8  # numbers, cursor and one blob per book
    NOTE = 9  # audit text: torn tail cut, key changed, alarm


class Flag(IntFlag):
    """Properties of a record."""

    NONE = 0
    OUTBOUND = 1
    REDACTED = 2  # secrets were overwritten with '*' of the same length
    POSS_DUP = 4  # a replay of an earlier number; with ADMIN and inbound: known already, or given up
    GARBLED = 8  # did not pass the framer
    RECONCILED = 16  # a frame from reconciliation, not from the wire; a cursor: handlers had all of those
    ADMIN = 32  # a session-level message: never delivered to handlers, never replayed
    WAITING = 64  # inbound with a number that was too high, kept until the gap before it is closed


class Record(NamedTuple):
    """One entry of a session's log.

    Args:
        kind: what it holds.
        flags: its properties.
        epoch: one higher at each reset of the numbers; MsgSeqNum is unique within (epoch, direction).
        msg_seq_num: MsgSeqNum(34) of the frame; for CURSOR the last number handled; else 0.
        next_out: the next outbound MsgSeqNum after this record.
        next_in: the next expected inbound MsgSeqNum after this record.
        utc_ns: when it was made, nanoseconds since 1970.
        payload: the frame as on the wire, or the text of the record.
    """

    kind: int
    flags: int
    epoch: int
    msg_seq_num: int
    next_out: int
    next_in: int
    utc_ns: int
    payload: bytes


class Position(NamedTuple):
    """A place in the stream of inbound messages, over resets."""

    epoch: int
    msg_seq_num: int


class SeqNums(NamedTuple):
    """The numbers of a session: which comes next in each direction, in which epoch."""

    epoch: int = 1
    next_out: int = 1
    next_in: int = 1

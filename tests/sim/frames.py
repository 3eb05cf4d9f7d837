"""Messages in the notation of the reference: ``|`` for SOH."""

from __future__ import annotations

from fixgw.fix.message import Message


def message(text: str) -> Message:
    """Return ``35=D|11=a|...`` as a message."""
    built = Message.of([field.encode() for field in text.strip("|").split("|")])
    built.msg_seq_num = int(built.text(34) or 0)
    return built


def text_of(message: Message, *, without: tuple[int, ...] = ()) -> str:
    """Return a message as text, MsgType first; for comparison with the reference's samples."""
    return "|".join(f"{tag}={value.decode()}" for tag, value in message.pairs() if tag not in without)

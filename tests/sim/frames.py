"""Messages in the notation of the reference: ``|`` for SOH."""

from __future__ import annotations

from fixgw.fix.message import Message


def message(text: str) -> Message:
    """Return ``35=D|11=a|...`` as a message."""
    return Message.of([field.encode() for field in text.strip("|").split("|")])


def text_of(message: Message, *, without: tuple[int, ...] = ()) -> str:
    """Return a message as text, MsgType first; for comparison with the reference's samples."""
    return "|".join(f"{tag}={value.decode()}" for tag, value in message.pairs() if tag not in without)

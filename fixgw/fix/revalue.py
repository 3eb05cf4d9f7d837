"""A copy of a message in which some fields have other values, made without reading the message again."""

from __future__ import annotations

from collections.abc import Mapping

from fixgw.fix.message import Message


def with_values(message: Message, values: Mapping[int, bytes]) -> Message:
    """Return a copy of a message with other values; the message stays as it is.

    Args:
        message: built or received.
        values: tag -> the new value of its first field; only tags that the message has, no SOH in a value.
    """
    fields, index = message.fields.copy(), message.index
    for tag, value in values.items():
        fields[fields.index(b"%d=%b" % (tag, index[tag]))] = b"%d=%b" % (tag, value)
    copy = Message.of(fields)
    copy.index = {**index, **values}
    copy.begin_string = message.begin_string
    copy.msg_seq_num = message.msg_seq_num
    copy.poss_dup = message.poss_dup
    return copy

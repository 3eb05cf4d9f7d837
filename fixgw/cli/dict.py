"""``fixgw dict``: dictionaries of fields and messages, out of typed messages and QuickFIX XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.render import fail, say, told
from fixgw.errors import ConfigError
from fixgw.fix import quickfix_xml, tags
from fixgw.fix.dictionary import Category, Dictionary, FieldDef, GroupDef, Member
from fixgw.messages import admin, business, order_entry
from fixgw.venues.base import venue

app = typer.Typer(no_args_is_help=True, help="Export and check dictionaries of fields and messages.")

SESSION_MESSAGES = (
    *(admin.Heartbeat, admin.TestRequest, admin.ResendRequest, admin.Reject),
    *(admin.SequenceReset, admin.Logout, admin.Logon),
)
SHARED_MESSAGES = (
    *(order_entry.NewOrderSingle, order_entry.OrderCancelRequest, order_entry.OrderCancelReplaceRequest),
    *(order_entry.ExecutionReport, order_entry.OrderCancelReject, business.BusinessMessageReject),
)

_REQUIRED = frozenset(
    {
        *(tags.BEGIN_STRING, tags.BODY_LENGTH, tags.MSG_TYPE, tags.MSG_SEQ_NUM, tags.SENDER_COMP_ID),
        *(tags.SENDING_TIME, tags.TARGET_COMP_ID, tags.CHECK_SUM),
    }
)
_HOPS = (tags.HOP_COMP_ID, tags.HOP_SENDING_TIME, tags.HOP_REF_ID)
# Header and trailer fields of FIXT.1.1 that are no STRING.
_TYPES = {
    "LENGTH": (tags.BODY_LENGTH, tags.SECURE_DATA_LEN, tags.XML_DATA_LEN, tags.SIGNATURE_LENGTH),
    "DATA": (tags.SECURE_DATA, tags.XML_DATA, tags.SIGNATURE),
    "SEQNUM": (tags.MSG_SEQ_NUM, tags.LAST_MSG_SEQ_NUM_PROCESSED, tags.HOP_REF_ID),
    "BOOLEAN": (tags.POSS_DUP_FLAG, tags.POSS_RESEND),
    "UTCTIMESTAMP": (tags.SENDING_TIME, tags.ORIG_SENDING_TIME, tags.HOP_SENDING_TIME),
    "NUMINGROUP": (tags.NO_HOPS,),
}


class Part(StrEnum):
    """What an export holds."""

    ALL = "all"
    SESSION = "session"  # FIXT.1.1: what engines call the transport dictionary
    APPLICATION = "application"


VenueOption = Annotated[str, typer.Option("--venue", help="the venue whose messages are meant")]


def to_read_with(venue_name: str, files: Sequence[Path] = ()) -> Dictionary:
    """Return all that is known, to read messages with: fixgw's own messages, the venue's, then the files.

    Raises:
        ConfigError: the venue is not known, or a file can not be used.
    """
    known = session_dictionary().merged(Dictionary.of_messages("FIX", SHARED_MESSAGES))
    known = known.merged(_dialect(venue_name))
    for path in files:
        known = known.merged(read(path))
    return known


def read(path: Path) -> Dictionary:
    """Return the dictionary in a QuickFIX XML file.

    Raises:
        ConfigError: it can not be read; file, line and remedy are in the text.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the dictionary can not be read: {error.strerror}", str(path), "name a QuickFIX XML file"
        ) from None
    return quickfix_xml.read(text, str(path))


def session_dictionary() -> Dictionary:
    """Return FIXT.1.1: the standard header and trailer, and the messages of the session."""
    types = {tag: name for name, of_type in _TYPES.items() for tag in of_type}
    outer = sorted(tags.HEADER_TAGS | tags.TRAILER_TAGS)
    fields = {tag: FieldDef(tag, tags.NAMES[tag], types.get(tag, "STRING"), {}) for tag in outer}
    made = Dictionary.of_messages("FIXT.1.1", SESSION_MESSAGES)
    header = tuple(_member(tag) for tag in _on_the_wire(tags.HEADER_TAGS.difference(_HOPS)))
    trailer = tuple(_member(tag) for tag in (tags.SIGNATURE_LENGTH, tags.SIGNATURE, tags.CHECK_SUM))
    return replace(made, fields={**fields, **made.fields}, header=header, trailer=trailer)


def _on_the_wire(header: frozenset[int]) -> list[int]:
    first = (tags.BEGIN_STRING, tags.BODY_LENGTH, tags.MSG_TYPE)
    return [*first, *sorted(header.difference(first))]


def _member(tag: int) -> Member:
    hops = GroupDef(tag, tuple(Member(one, False) for one in _HOPS)) if tag == tags.NO_HOPS else None
    return Member(tag, tag in _REQUIRED, hops)


def _distinct(dictionary: Dictionary) -> Dictionary:
    """Return the dictionary with the tag behind each name that a lower tag has: a file needs one for each."""
    fields, seen = {}, Counter[str]()
    for tag, field in sorted(dictionary.fields.items()):
        seen[field.name] += 1
        fields[tag] = field if seen[field.name] == 1 else replace(field, name=f"{field.name}{tag}")
    return replace(dictionary, fields=fields)


def _dialect(venue_name: str) -> Dictionary:
    spoken = venue(venue_name)
    return Dictionary.of_messages(venue_name, spoken.messages, spoken.profile.field_names)


def _only(dictionary: Dictionary, category: Category) -> Dictionary:
    """Return the messages of one category, and the fields that are not of the other one alone."""
    kept = {name: one for name, one in dictionary.messages.items() if one.category == category}
    others = [one for one in dictionary.messages.values() if one.category != category]
    own = _tags(
        [*dictionary.header, *dictionary.trailer, *(part for one in kept.values() for part in one.members)]
    )
    foreign = _tags(part for one in others for part in one.members) - own
    fields = {tag: field for tag, field in dictionary.fields.items() if tag not in foreign}
    return replace(dictionary, messages=kept, fields=fields)


def _tags(members: Iterable[Member]) -> set[int]:
    found: set[int] = set()
    for member in members:
        found |= {member.tag} | (_tags(member.group.members) if member.group is not None else set())
    return found


@app.command()
def export(
    venue_name: VenueOption = "kalshi",
    part: Annotated[
        Part, typer.Option("--part", help="session: FIXT.1.1 alone; application: the venue's messages alone")
    ] = Part.ALL,
    open_values: Annotated[
        bool,
        typer.Option(
            "--open-values",
            help="list no values of fields: QuickFIX refuses a message with a value that is not listed, "
            "and venues add some without notice",
        ),
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="a file in place of stdout")] = None,
) -> None:
    """Print a venue's dialect as QuickFIX XML.

    QuickFIX takes two files: ``--part session`` as TransportDataDictionary, ``--part application`` as
    AppDataDictionary.
    """
    with told():
        dictionary = _exported(venue_name, part)
        if open_values:
            fields = {tag: replace(field, values={}) for tag, field in dictionary.fields.items()}
            dictionary = replace(dictionary, fields=fields)
        text = quickfix_xml.write(dictionary)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"the dictionary can not be written: {error.strerror}"
        raise fail(what, where=str(output), remedy="name a file that you may write") from None
    say(f"{output} holds {len(dictionary.messages)} messages and {len(dictionary.fields)} fields")


def _exported(venue_name: str, part: Part) -> Dictionary:
    dialect = _dialect(venue_name)
    if part is Part.SESSION:
        made = session_dictionary()
        return _distinct(replace(made.merged(_only(dialect, "admin")), version=made.version))
    if part is Part.APPLICATION:
        return _distinct(_only(replace(dialect, header=(), trailer=()), "app"))
    return _distinct(session_dictionary().merged(dialect))


@app.command()
def check(path: Annotated[Path, typer.Argument(help="a dictionary, QuickFIX XML")]) -> None:
    """Say what a dictionary holds, or what is wrong with it.

    Exit codes: 0 it can be used, 2 it can not.
    """
    with told():
        dictionary = read(path)
    admin_count = sum(message.category == "admin" for message in dictionary.messages.values())
    enumerated = sum(bool(field.values) for field in dictionary.fields.values())
    typer.echo(f"{path}: {dictionary.version}")
    typer.echo(f"  messages  {len(dictionary.messages)}, {admin_count} of them of the session")
    typer.echo(f"  fields    {len(dictionary.fields)}, {enumerated} of them enumerated")
    typer.echo(f"  header    {len(dictionary.header)} fields, trailer {len(dictionary.trailer)}")

"""Any message against dictionaries: it passes or is refused with a Reject that FIX knows.

Whoever tolerates more refuses no more, and what the dictionary of typed messages lets pass, the typed message
lets pass as well.
"""

from __future__ import annotations

from itertools import product

from fixgw.errors import FieldError, Reject
from fixgw.fix.dictionary import Dictionary
from fixgw.fix.framing import seal
from fixgw.fix.message import Message
from fixgw.fix.reasons import REASONS
from fixgw.fix.validate import Rules, Validator
from fixgw.messages import admin
from fixgw.venues.kalshi.messages import MESSAGES
from tests.fix.samples import KALSHI_FRAMES
from tests.fix.test_validate import BODY, FIX50, FIXT, HEAD, PARTY, SP2
from tests.fuzz import outside
from tests.fuzz.choices import Choices, expanded
from tests.fuzz.decoder import text_of

_ADMIN = (
    admin.Logon, admin.Logout, admin.Heartbeat, admin.TestRequest, admin.ResendRequest, admin.Reject,
    admin.SequenceReset,
)  # fmt: skip
_TYPED = {one.MSG_TYPE: one for one in MESSAGES}
_KALSHI = Dictionary.of_messages("kalshi", MESSAGES)
_RULES = [Rules(*flags) for flags in product((False, True), repeat=5)]


def _words() -> tuple[bytes, ...]:
    lines = (
        *(
            HEAD,
            BODY,
            PARTY,
            "453=1",
            "453=2",
            "802=1",
            "523=x",
            "136=1",
            "137=1.5",
            "138=USD",
            "627=1",
            "628=x",
        ),
        *(
            "34=2",
            "49=A",
            "52=20261009-14:30:00.000",
            "56=B",
            "1128=9",
            "1128=7",
            "1128=",
            "93=3",
            "89=a\x01b",
        ),
        *("11=id", "54=1", "54=9", "60=20261009-14:30:00", "38=1.5", "38=x", "44=0.55", "18=1 G", "277=AB A"),
        *("447=D", "452=1", "452=7", "58=", "58=x", "7000=Y", "7000=Q", "1057=Y", "9999=1", "999=x", "803=1"),
        *("448=a", "452=24", "55=HIGHNY-26DEC31", "40=2", "59=1", "79=0", "1703=1", "1704=1", "1705=PAYOUT"),
        *("0", "A", "D", "8", "UMS", "37=o", "17=e", "150=0", "39=0", "14=0.00", "151=1.00", "6=0"),
    )
    return (b"\x01", b"=", *(line.replace("|", "\x01").encode() for line in lines))


_WORDS = _words()
TOKENS = _WORDS


def _transport() -> Dictionary:
    """Return a header and session messages for Kalshi's dictionary, as FIXT has them."""
    session = Dictionary.of_messages("FIXT.1.1", _ADMIN)
    return Dictionary(
        "FIXT.1.1", {**session.fields, **FIXT.fields}, session.messages, FIXT.header, FIXT.trailer
    )


_BY_RULES = [
    (Validator(FIXT, {"9": SP2, "7": FIX50}, "9", rules), Validator(_transport(), {"9": _KALSHI}, "9", rules))
    for rules in _RULES
]


def seeds() -> list[bytes]:
    """Return texts of the project's own, and of elsewhere, for each of the two dialects."""
    texts = [
        f"D\x01{HEAD}\x01{BODY}".replace("|", "\x01").encode(),
        f"D\x01{HEAD}\x01{BODY}\x01453=1\x01{PARTY}".replace("|", "\x01").encode(),
        *(text_of(frame) for frame in (*KALSHI_FRAMES, *outside.frames())),
    ]
    return [bytes([dialect, 0]) + text for dialect in (0, 1) for text in texts]


def run(data: bytes) -> None:
    """Check one message."""
    choices = Choices(data)
    dialect, rules = choices.byte() % 2, choices.byte() % len(_RULES)
    frame = seal(b"FIXT.1.1", b"35=%b\x01" % expanded(choices.rest(), _WORDS))
    try:
        message = Message.decode(frame)
    except FieldError:
        return
    before = list(message.fields)
    passed = [_passes(pair[dialect], message) for pair in _BY_RULES]
    assert message.fields == before
    _check_tolerance(rules, passed)
    kind = _TYPED.get(message.msg_type)
    if dialect == 1 and passed[0] and kind is not None:
        kind.view(message).check()


def _passes(validator: Validator, message: Message) -> bool:
    try:
        validator.check(message)
    except Reject as reject:
        _check_reject(reject, message)
        return False
    return True


def _check_reject(reject: Reject, message: Message) -> None:
    assert reject.text == REASONS[reject.reason]
    assert not reject.business
    assert (reject.ref_tag is None) == (reject.reason == 11)
    if reject.reason == 1:
        assert reject.ref_tag is not None
    elif reject.ref_tag is not None:
        assert reject.ref_tag in message, "a tag is blamed that is not there"


def _check_tolerance(at: int, passed: list[bool]) -> None:
    """Compare some rules with all that tolerate more."""
    for more in range(len(_RULES)):
        if at & more == at and passed[at]:
            assert passed[more], f"{_RULES[more]} refuses what {_RULES[at]} lets pass"

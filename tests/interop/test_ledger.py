"""The ledger tells a message that is lost, early or there twice from one that was sent again."""

from __future__ import annotations

import pytest

from interop.ledger import Ledger, message_id


@pytest.mark.parametrize(
    ("numbers", "ledger"),
    [
        ([(1, False), (2, False), (3, False)], Ledger(received=3)),
        ([(1, False), (1, True), (2, True)], Ledger(received=2, repeated=1)),
        ([(1, False), (1, False)], Ledger(received=1, twice=1)),
        ([(1, False), (3, False)], Ledger(received=1, disordered=1)),
        ([(2, False), (1, False)], Ledger(received=1, disordered=1)),
    ],
)
def test_each_message_is_counted_as_what_it_is(numbers: list[tuple[int, bool]], ledger: Ledger) -> None:
    counted = Ledger()
    for number, poss_dup in numbers:
        counted.take(message_id(number), poss_dup)
    assert counted == ledger

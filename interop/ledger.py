"""What one end received: nothing lost, nothing twice, nothing out of order."""

from __future__ import annotations

from dataclasses import asdict, dataclass

ID_TAG = 11


def message_id(number: int) -> str:
    """Return the ClOrdID(11) of a message; numbers begin at 1 and rise by 1."""
    return f"ID{number:08d}"


@dataclass
class Ledger:
    """Counts messages by their numbers.

    Args:
        received: how many came for the first time; they have to come in order.
        repeated: how many came again, with PossDupFlag(43)=Y.
        twice: how many came again without it.
        disordered: how many came before one with a lower number, or in place of it.
    """

    received: int = 0
    repeated: int = 0
    twice: int = 0
    disordered: int = 0

    def take(self, cl_ord_id: str, poss_dup: bool) -> None:
        """Count one message."""
        number = int(cl_ord_id[2:])
        if number == self.received + 1:
            self.received += 1
        elif number > self.received:
            self.disordered += 1
        elif poss_dup:
            self.repeated += 1
        else:
            self.twice += 1

    def as_json(self) -> dict[str, int]:
        """Return the counts under their names."""
        return asdict(self)

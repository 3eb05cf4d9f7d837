"""What a venue's texts and codes mean, and what to do: a table that the venue brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fixgw.fix.message import Message
from fixgw.fix.tags import TEXT


@dataclass(frozen=True, slots=True)
class Meanings:
    """Sentences by what a message carries; the venue may send words that stand in no table.

    Args:
        texts: by Text(58), whole.
        codes: by the tag of a reason and its value.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    def explain(self, message: Message) -> str:
        """Return the sentence for a message's text, else for the first reason in it, else nothing."""
        sentence = self.texts.get(message.text(TEXT) or "", "")
        for tag, sentences in self.codes.items():
            sentence = sentence or sentences.get(message.text(tag) or "", "")
        return sentence

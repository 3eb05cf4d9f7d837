"""HTML in which every text is escaped unless it was made here."""

from __future__ import annotations

from html import escape
from typing import TypeAlias


class Markup(str):
    """HTML that is ready to be written."""

    __slots__ = ()


Content: TypeAlias = str | Markup | None


def element(name: str, *content: Content, **attributes: str | None) -> Markup:
    """Return an element.

    Args:
        name: such as ``p``.
        content: texts, which are escaped, and markup; None is left out.
        attributes: ``class_`` stands for ``class``, ``data_x`` for ``data-x``; None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{joined(*content)}</{name}>")


def joined(*content: Content) -> Markup:
    """Return contents one after the other."""
    return Markup(
        "".join(one if isinstance(one, Markup) else escape(one) for one in content if one is not None)
    )

"""A way to spoil a configuration: ``change(data, {"sessions.0.heartbeat": 1})``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def change(data: Any, changes: Mapping[str, object]) -> None:
    """Change settings in place.

    Args:
        data: mappings and lists, as YAML gives them.
        changes: new values by dotted path; missing mappings are made; ``...`` removes the key.
    """
    for path, value in changes.items():
        *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        target = data
        for part in above:
            target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
        if value is ...:
            del target[last]
        else:
            target[last] = value

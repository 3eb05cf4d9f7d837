"""Where commands look for the desk's modules."""

from __future__ import annotations

import sys
from pathlib import Path


def find_handlers_beside(file: Path) -> None:
    """Let ``handlers:`` name modules that lie beside the configuration."""
    directory = str(file.resolve().parent)
    if directory not in sys.path:
        sys.path.insert(0, directory)

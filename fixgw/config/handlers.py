"""Finds the desk's handler classes by ``module:Class``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from fixgw.errors import ConfigError


def find_handler(path: str) -> Callable[[], object]:
    """Return the class, or whatever makes a handler when it is called without arguments.

    Args:
        path: ``package.module:Class``.

    Raises:
        ConfigError: the module can not be imported, or holds no such class.
    """
    module_name, _, name = path.partition(":")
    try:
        found: object = import_module(module_name)
    except Exception as error:
        raise ConfigError(
            f"handler module {module_name!r} can not be imported: {type(error).__name__}: {error}",
            remedy="install the package, or add its directory to PYTHONPATH",
        ) from error
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ConfigError(
            f"module {module_name!r} has no class {name!r}", remedy="correct the name behind the colon"
        )
    return found


def make_handler(path: str) -> object:
    """Return a new handler.

    Args:
        path: ``package.module:Class``.

    Raises:
        ConfigError: it is not found, or can not be made without arguments.
    """
    make = find_handler(path)
    try:
        return make()
    except Exception as error:
        raise ConfigError(
            f"handler {path} can not be made: {type(error).__name__}: {error}",
            remedy="let its __init__ take no arguments, and read what it needs from the environment",
        ) from error

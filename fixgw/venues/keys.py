"""Private keys in files, which nobody else may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fixgw.errors import ConfigError

_SIZE_LIMIT = 64 * 1024


def read_key_file(path: Path, allow_readable: bool = False) -> bytes:
    """Return the content of a private key file.

    Args:
        path: the file; a symbolic link is followed.
        allow_readable: accept a file that group or others may read.

    Raises:
        ConfigError: it is missing, no file, not readable, readable by others, or too long for a key.
    """
    try:
        return _read(path, allow_readable)
    except FileNotFoundError as error:
        raise ConfigError(f"the key file {path} does not exist", remedy="correct the path") from error
    except OSError as error:
        raise ConfigError(
            f"the key file {path} can not be read: {error.strerror}",
            remedy="let it belong to the user that runs this process, with mode 0600",
        ) from error


def _read(path: Path, allow_readable: bool) -> bytes:
    # without O_NONBLOCK the open of a named pipe would wait for a writer
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check(path, os.fstat(descriptor), allow_readable)
        return os.read(descriptor, _SIZE_LIMIT)
    finally:
        os.close(descriptor)


def _check(path: Path, status: os.stat_result, allow_readable: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(
            f"the key file {path} is no regular file", remedy="name the file that holds the PEM text"
        )
    if status.st_size > _SIZE_LIMIT:
        raise ConfigError(
            f"the key file {path} is longer than 64 KiB", remedy="name the file that holds one key"
        )
    if status.st_mode & (stat.S_IRGRP | stat.S_IROTH) and not allow_readable:
        raise ConfigError(
            f"the key file {path} can be read by other users (mode {stat.S_IMODE(status.st_mode):04o})",
            remedy=f"chmod 600 {path}, or set allow_readable_key: true if the directory keeps others out",
        )

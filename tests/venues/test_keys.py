from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixgw.errors import ConfigError
from fixgw.venues.keys import read_key_file


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "kalshi.pem"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    path.chmod(0o600)
    return path


def test_a_file_of_ones_own_is_read(key_file: Path) -> None:
    assert read_key_file(key_file) == b"-----BEGIN PRIVATE KEY-----\n"


def test_a_link_is_followed(key_file: Path) -> None:
    link = key_file.with_name("link.pem")
    link.symlink_to(key_file)
    assert read_key_file(link).startswith(b"-----BEGIN")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_refused_unless_allowed(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}") as caught:
        read_key_file(key_file)
    assert f"chmod 600 {key_file}" in caught.value.remedy
    assert "allow_readable_key: true" in caught.value.remedy
    assert read_key_file(key_file, allow_readable=True).startswith(b"-----BEGIN")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.pem does not exist"):
        read_key_file(tmp_path / "absent.pem")


def test_a_file_below_a_file_can_not_be_read(key_file: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read: Not a directory"):
        read_key_file(key_file / "key.pem")


def test_a_directory_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no regular file"):
        read_key_file(tmp_path)


def test_a_pipe_is_no_key_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(ConfigError, match="no regular file"):
        read_key_file(pipe)


def test_a_long_file_is_no_key(key_file: Path) -> None:
    key_file.write_bytes(bytes(64 * 1024 + 1))
    with pytest.raises(ConfigError, match="longer than 64 KiB"):
        read_key_file(key_file)

"""References to what stands outside the configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixgw.config.references import Referenced, resolve
from fixgw.errors import ConfigError

ENV = {"NAME": "value", "EMPTY": ""}


def _resolve(text: str, base: Path = Path()) -> str:
    return resolve(text, base, ENV)


def test_plain_text_is_left_alone() -> None:
    assert _resolve("$NAME {env:NAME}") == "$NAME {env:NAME}"
    assert not isinstance(_resolve("plain"), Referenced)


def test_a_variable_is_read_and_remembered_as_outside() -> None:
    found = _resolve("${env:NAME}")
    assert found == "value"
    assert isinstance(found, Referenced)
    assert (found.origin, found.path) == ("env NAME", None)


def test_references_join_with_text() -> None:
    assert _resolve("/home/${env:NAME}/${env:MISSING:-tape}") == "/home/value/tape"


@pytest.mark.parametrize("text", ["${env:MISSING:-a default}", "${env:EMPTY:-a default}"])
def test_a_default_stands_in_and_counts_as_written_in_the_file(text: str) -> None:
    found = _resolve(text)
    assert found == "a default"
    assert not isinstance(found, Referenced)


@pytest.mark.parametrize("name", ["MISSING", "EMPTY"])
def test_a_variable_that_is_not_set_says_how_to_set_it(name: str) -> None:
    with pytest.raises(ConfigError, match=f"variable {name} is not set") as caught:
        _resolve(f"${{env:{name}}}")
    assert f"export {name}=" in caught.value.remedy


def test_a_file_is_read_from_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("line 1\nline 2\n")
    found = _resolve("${file:key.pem}", tmp_path)
    assert found == "line 1\nline 2"
    assert isinstance(found, Referenced)
    assert found.path == tmp_path / "key.pem"
    assert found.origin == f"file {tmp_path / 'key.pem'}"


def test_the_value_does_not_show(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2")
    assert "hunter2" not in repr(_resolve("${file:key}", tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read: No such file") as caught:
        _resolve("${file:none.pem}", tmp_path)
    assert str(tmp_path / "none.pem") in caught.value.what


@pytest.mark.parametrize(
    ("content", "what"), [(b"x" * 65537, "longer than 64 KiB"), (b"\xff\xfe", "is no text")]
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "big").write_bytes(content)
    with pytest.raises(ConfigError, match=what):
        _resolve("${file:big}", tmp_path)


@pytest.mark.parametrize("text", ["${NAME}", "${env:NAME", "${vault:NAME}", "x ${env:NAME} ${"])
def test_what_only_looks_like_a_reference_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no reference") as caught:
        _resolve(text)
    assert "${env:NAME}" in caught.value.remedy

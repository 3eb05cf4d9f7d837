"""YAML with places."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixgw.config.load import Document, parse, read, show_path
from fixgw.errors import ConfigError


def _parse(text: str) -> Document:
    return parse(text, "sessions.yaml", Path())


def test_data_is_what_yaml_says() -> None:
    text = "a: 1\nb: [x, 2.5, true, null]\nc: {d: 'off', e: off, 7: y}\n"
    assert _parse(text).data == {
        "a": 1,
        "b": ["x", 2.5, True, None],
        "c": {"d": "off", "e": False, 7: "y"},
    }


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (("sessions", 0, "tls", "pins"), "sessions.yaml:5 sessions[0].tls.pins"),
        (("sessions", 1), "sessions.yaml:6 sessions[1]"),
        (("sessions", 0, "tls", "missing", "deep"), "sessions.yaml:5 sessions[0].tls.missing.deep"),
        (("metrics",), "sessions.yaml:1 metrics"),
        ((), "sessions.yaml:1"),
    ],
)
def test_every_value_has_a_place(path: tuple[str | int, ...], where: str) -> None:
    document = _parse("sessions:\n  - name: a\n    # why\n    tls:\n      pins: x\n  - name: b\n")
    assert document.where(path) == where


def test_an_empty_file_has_no_data() -> None:
    document = _parse("# nothing\n")
    assert document.data is None
    assert document.where(("a",)) == "sessions.yaml:1 a"


def test_anchors_and_merges_work() -> None:
    document = _parse("a: &x {b: 1, c: 2}\nd: *x\ne:\n  <<: *x\n  c: 3\n")
    assert document.data["d"] == {"b": 1, "c": 2}
    assert document.data["e"] == {"b": 1, "c": 3}


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("a: [1\nb: 2\n", "no valid YAML", "sessions.yaml:2"),
        ("a: 1\n b: 2\n", "no valid YAML", "sessions.yaml:2"),
        ("a: 1\n---\nb: 2\n", "no valid YAML: but found another document", "sessions.yaml:2"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "'b' stands here twice", "sessions.yaml:4 a.b"),
        ("a:\n  on: 1\n", "a key has to be a word", "sessions.yaml:2 a"),
        ("a:\n  ? [x]\n  : 1\n", "a key has to be a word", "sessions.yaml:2 a"),
        ("a: &x\n  b: *x\n", "nested too deep", "sessions.yaml:1 a.b"),
        ("a: \x01\n", "no valid YAML", "sessions.yaml"),
        ("a: 2026-13-45\n", "no valid value: month must be in 1..12", "sessions.yaml:1 a"),
    ],
)
def test_what_is_no_configuration_is_placed(text: str, what: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _parse(text)
    assert caught.value.what.startswith(what)
    assert caught.value.where.startswith(where)
    assert caught.value.remedy


def test_a_tag_makes_no_object() -> None:
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        _parse("a: !!python/name:os.system ''\n")
    assert _parse("a: !!python/object:os.system {b: 1}\n").data == {"a": {"b": 1}}


def test_a_file_is_read_with_its_directory_as_base(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("a: ü\n", encoding="utf-8")
    document = read(path)
    assert (document.data, document.base, document.name) == ({"a": "ü"}, tmp_path, str(path))


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read: No such file"):
        read(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xfc\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read(tmp_path / "latin.yaml")


def test_references_resolve_in_place_and_errors_are_placed() -> None:
    document = _parse("a: ${env:A}\nb:\n  - ${env:B}\n  - c: ${env:C}\nd: 1\n")
    errors = list(document.resolve({"A": "x", "C": "y"}))
    assert document.data == {"a": "x", "b": ["${env:B}", {"c": "y"}], "d": 1}
    assert [error.where for error in errors] == ["sessions.yaml:3 b[0]"]


def test_paths_read_as_people_write_them() -> None:
    assert show_path(("a", 0, "b", 20127)) == "a[0].b[20127]"
    assert show_path(()) == ""

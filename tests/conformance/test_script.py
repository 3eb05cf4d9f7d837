"""The language of the scripts: what can not be read is explained, and what is wrong is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conformance.peer import Mismatch
from tests.conformance.play import Player, settings_of
from tests.conformance.pure import PureSystem
from tests.conformance.script import Script, ScriptError, Step, read
from tests.conformance.test_pure import SCRIPTS

HEAD = "# A title.\ncase 2a\n"


@pytest.mark.parametrize(
    ("text", "where", "fault", "remedy"),
    [
        ("case 2a\nlogon", "both/x.fixscript", "no title", "begin with a comment"),
        ("# A title.\nlogon", "both/x.fixscript", "no case", "case 2c"),
        (HEAD, "both/x.fixscript", "no step", "write what happens"),
        (HEAD + "shout A", "both/x.fixscript:3", "'shout A' is no step", "begin with one of logon"),
        (HEAD + 'expect 5 58="half', "both/x.fixscript:3", "No closing quotation", "double quotes"),
        (HEAD + "send D price=5", "both/x.fixscript:3", "'price=5' is no field", "write tag=value"),
        (HEAD + "send", "both/x.fixscript:3", "a MsgType is missing", "at the end of the line"),
        (HEAD + "wait long", "both/x.fixscript:3", "'long' is no duration", "30s or 500ms"),
        (HEAD + "garbled gently D", "both/x.fixscript:3", "'gently' is not a way", "use one of checksum"),
        (HEAD + "connect now", "both/x.fixscript:3", "'now' is too much", "take it out"),
        (HEAD + "logon\ncase 2b", "both/x.fixscript:4", "'case' comes too late", "above the first step"),
        (HEAD + "expect numbers", "both/x.fixscript:3", "no name=value follows", "at least one"),
        (HEAD + "expect numbers up=3", "both/x.fixscript:3", "'up' is not known", "use one of in, out"),
        (HEAD + "numbers in=0", "both/x.fixscript:3", "a number is not positive", "in=5 out=9"),
        (HEAD + "settings yes", "both/x.fixscript:3", "'yes' is not name=value", "a name, = and a value"),
        (HEAD + "expect close too low", "both/x.fixscript:3", "more than one text", "double quotes"),
    ],
)
def test_what_can_not_be_read_is_explained(text: str, where: str, fault: str, remedy: str) -> None:
    with pytest.raises(ScriptError) as raised:
        read(text, "both/x")
    message = str(raised.value)
    assert message.startswith(f"{where}: ")
    assert fault in message
    assert remedy in message


def test_a_script_outside_the_known_directories_is_refused() -> None:
    with pytest.raises(ScriptError, match="put it into initiator, acceptor or both"):
        read(HEAD + "logon", "neither/x")


def test_a_setting_that_does_not_exist_is_named() -> None:
    script = read(HEAD + "settings heartbeat=5\nlogon", "acceptor/x")
    with pytest.raises(LookupError, match="SessionSettings has no heartbeat"):
        settings_of(script, "acceptor")


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ("send D 11=x", "x.fixscript:3 .*not connected"),
        ("logon\nsend D 11=x", "x.fixscript:4 .*the application received, not expected: 35=D"),
        ("logon\nsend 1 112=X", "x.fixscript:4 .*not expected: 8=FIXT.1.1"),
        ("logon\nsend 5", "x.fixscript:4 .*not expected: 8=FIXT.1.1"),
        ("logon\nsend 5\nexpect 5", "x.fixscript:5 .*the connection was closed"),
        ("logon\nsend 1 112=X\nexpect 1", "35=0, not 1"),
        ("logon\nsend 1 112=X\nexpect 0 112=Y", "112=X, not Y"),
        ("logon\nsend 1 112=X\nexpect 0 -112", "112 is there"),
        ("logon\nsend 1 112=X\nexpect 0 58=*", r"58=\* is not there"),
        ("logon\nsend 1 112=X\nexpect 0 34=3", "34=2, not 3"),
        ("logon\nsend 1 112=X\nexpect 0 52=@-1s", "52=.*, not"),
        ("logon\nexpect 0", "0 did not come"),
        ("logon\nexpect close", "the connection is still open"),
        ("logon\nsend 0\nexpect numbers in=2", "'in': '3'.*not.*'in': '2'"),
        ("logon\nexpect counts garbled=1", "'garbled': '0'"),
        ("logon\nexpect warning late", "no warning says 'late'"),
        ("logon\ngarbled order D\nexpect no warning", "there were warnings: .*do not come first"),
        ("logon\napp receives D", "the application did not receive D"),
        ("logon\nsend D 11=x\napp receives D 11=y", "11 is x"),
        ("logon\nsend D 11=x\napp receives nothing", "the application received 35=D"),
        ("logon\napp cannot send D 11=x", "it was sent"),
        ("logon\nconnect", "the connection was not taken"),
        ("cannot connect", "the connection was taken"),
    ],
)
def test_what_does_not_agree_is_found(steps: str, fault: str) -> None:
    script = read(HEAD + steps, "acceptor/x")
    with pytest.raises(Mismatch, match=fault):
        play(script, "acceptor")


def play(script: Script, role: str) -> None:
    Player(script, PureSystem(settings_of(script, role), script.numbers), role).play()


def falsified(script: Script) -> Iterator[Script]:
    """Yield the script with one of its expectations changed, and with one left out, for each of them."""
    for at, step in enumerate(script.steps):
        before, behind = script.steps[:at], script.steps[at + 1 :]
        if step.verb in ("expect", "app receives", "expect numbers"):
            yield replace(script, steps=(*before, _other(step), *behind))
        if step.verb in ("expect", "app receives", "expect close"):
            yield replace(script, steps=(*before, *behind))


def _other(step: Step) -> Step:
    if step.verb == "expect numbers":
        return replace(step, values={name: f"{value}1" for name, value in step.values.items()})
    return replace(step, msg_type=f"{step.msg_type}X")


@pytest.mark.parametrize(
    ("script", "role"),
    [
        pytest.param(script, role, id=f"{script.name}-{role}")
        for script in SCRIPTS
        if not script.live_only
        for role in script.roles[:1]
    ],
)
def test_a_script_with_an_expectation_changed_or_left_out_fails(script: Script, role: str) -> None:
    for wrong in falsified(script):
        with pytest.raises(Mismatch):
            play(wrong, role)

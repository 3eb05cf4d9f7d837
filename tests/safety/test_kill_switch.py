"""The latch of the kill switch: what it keeps back, and what its file carries over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixgw.clock import ManualClock
from fixgw.errors import Killed, LocalError
from fixgw.fix.message import Message
from fixgw.safety.kill_switch import KillGuard, KillSwitch, Pulled, ResendUnlessKilled
from fixgw.safety.traffic import Traffic
from fixgw.session.hooks import ResendEverything
from fixgw.venues.kalshi.profile import VENUE

REASON = "fat finger"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "desk" / "kill-switch.json"


def test_it_is_off_at_first(file: Path) -> None:
    assert not KillSwitch(file).on


def test_a_file_carries_reason_and_time_over_a_restart(file: Path) -> None:
    switch = KillSwitch(file)
    switch.pull(REASON, 7)
    assert switch.save()
    assert KillSwitch(file).pulled == Pulled(REASON, 7)


def test_without_a_file_a_restart_forgets_it() -> None:
    switch = KillSwitch()
    switch.pull(REASON, 7)
    assert (switch.on, switch.save()) == (True, False)


def test_the_first_reason_stays(file: Path) -> None:
    switch = KillSwitch(file)
    switch.pull(REASON, 7)
    switch.pull("another", 8)
    switch.save()
    assert switch.pulled == KillSwitch(file).pulled == Pulled(REASON, 7)


def test_a_file_that_a_person_made_switches_it_on(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    assert KillSwitch(file).pulled == Pulled(f"{file} is there")


@pytest.mark.parametrize("text", ["stop trading", "{}", "[1]", '{"reason": 1', "\ud800"])
def test_a_file_that_can_not_be_parsed_switches_it_on(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert KillSwitch(file).on


def test_a_file_that_can_not_be_read_switches_it_on(file: Path) -> None:
    file.mkdir(parents=True)
    pulled = KillSwitch(file).pulled
    assert pulled is not None
    assert "can not be read" in pulled.reason


def test_a_file_that_can_not_be_written_leaves_it_on_in_memory(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    switch = KillSwitch()
    switch.file = tmp_path / "taken" / "kill-switch.json"
    switch.pull(REASON, 7)
    assert (switch.save(), switch.on) == (False, True)


def test_a_second_pull_writes_what_the_first_could_not(tmp_path: Path) -> None:
    ground = tmp_path / "ground"
    ground.touch()
    switch = KillSwitch()
    switch.file = ground / "kill-switch.json"
    switch.pull(REASON, 7)
    switch.save()
    ground.unlink()
    switch.pull(REASON, 8)
    assert switch.save()
    assert KillSwitch(switch.file).pulled == Pulled(REASON, 7)


def test_a_release_removes_the_file(file: Path) -> None:
    switch = KillSwitch(file)
    switch.pull(REASON, 7)
    switch.save()
    switch.release()
    assert (switch.on, KillSwitch(file).on) == (False, False)


def test_a_file_that_can_not_be_removed_leaves_it_on(file: Path) -> None:
    file.mkdir(parents=True)
    switch = KillSwitch(file)
    with pytest.raises(LocalError, match=r"stays on: .* remove the file, then release again"):
        switch.release()
    assert switch.on


@pytest.mark.parametrize("msg_type", ["D", "G", "R", "S", "U7", "UA"])
def test_what_may_trade_is_kept_back(msg_type: str) -> None:
    switch = KillSwitch()
    switch.pull(REASON, 7)
    guard = KillGuard(switch, VENUE.profile.traffic)
    with pytest.raises(Killed, match=f"35={msg_type} is not sent: .*fat finger.*release it first"):
        guard.admit(Message(msg_type), ManualClock().now())


@pytest.mark.parametrize("msg_type", ["F", "q", "Z", "UE", "UOG", "U1", "V", "e"])
def test_everything_else_leaves(msg_type: str) -> None:
    switch = KillSwitch()
    switch.pull(REASON, 7)
    KillGuard(switch, VENUE.profile.traffic).admit(Message(msg_type), ManualClock().now())


@pytest.mark.parametrize(
    ("msg_type", "on", "sent"), [("D", False, True), ("D", True, False), ("F", True, True)]
)
def test_orders_are_not_sent_again_while_it_is_on(msg_type: str, on: bool, sent: bool) -> None:
    switch = KillSwitch()
    if on:
        switch.pull(REASON, 7)
    policy = ResendUnlessKilled(ResendEverything(), switch, Traffic())
    assert policy.may_resend(msg_type, 0.1, former_connection=False) is sent

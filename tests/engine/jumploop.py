"""The loop of the engine's tests is the one that desks test with."""

from fixgw.sim.jumploop import PATIENCE, START, START_UTC_NS, JumpLoop, LoopClock

__all__ = ["PATIENCE", "START", "START_UTC_NS", "JumpLoop", "LoopClock"]

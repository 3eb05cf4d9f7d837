"""Where the kill switch is kept, and how it works, as the settings say."""

from __future__ import annotations

from fixgw.config.settings import Loaded
from fixgw.engine.killing import KillSettings

FILE_NAME = "kill-switch.json"


def kill_settings(loaded: Loaded) -> KillSettings:
    """Return how the kill switch works; without a file of its own it is kept beside the first tape."""
    written = loaded.settings.kill_switch
    stores = (session.store for session in loaded.settings.sessions)
    beside = next((store.path for store in stores if store.kind == "tape" and store.path), None)
    file = written.file or (beside / FILE_NAME if beside is not None else None)
    return KillSettings(file, written.step_seconds, written.again_seconds)

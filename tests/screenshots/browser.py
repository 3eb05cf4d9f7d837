"""A headless Chromium, spoken to over its DevTools pipe: one JSON message, ended by a zero byte, each way."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--no-sandbox",  # root has none, and the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)


def chromium() -> str | None:
    """Return the browser of this machine, None when it has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page in a running browser.

    Args:
        asked: the end of the pipe to which requests go.
        answered: the end from which answers come.
    """

    def __init__(self, asked: int, answered: int) -> None:
        self._asked = asked
        self._answered = os.fdopen(answered, "rb", closefd=False)
        self._last = 0
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")
        self._call("Page.setLifecycleEventsEnabled", enabled=True)

    def open(
        self,
        file: Path,
        width: int,
        height: int,
        *,
        mobile: bool = False,
        dark: bool = False,
        paper: bool = False,
    ) -> None:
        """Show a file in a window of a size, CSS pixels, once it is loaded; ``paper`` as it is printed."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", media="print" if paper else "", features=[scheme])
        loader = self._call("Page.navigate", url=file.resolve().as_uri())["loaderId"]
        while self._loaded() != loader:
            pass

    def ask(self, expression: str) -> Any:
        """Return what a JavaScript expression comes to."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Write a PNG of the page, all of it or what the window shows."""
        taken = self._call("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(taken["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        request = {"id": self._last, "method": method, "params": parameters}
        if self._session is not None:
            request["sessionId"] = self._session
        os.write(self._asked, json.dumps(request).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._last:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def _loaded(self) -> str:
        """Wait until a document is loaded; return who loaded it."""
        while True:
            told = self._read().get("params", {})
            if told.get("name") == "load":
                loader: str = told["loaderId"]
                return loader

    def _read(self) -> dict[str, Any]:
        found = bytearray()
        while (byte := self._answered.read(1)) != b"\0":
            assert byte, "the browser is gone"
            found += byte
        message: dict[str, Any] = json.loads(found)
        return message


@contextmanager
def running(program: str, profile: Path) -> Iterator[Browser]:
    """Run a browser for as long as the context lasts.

    Args:
        program: its path.
        profile: an empty directory for what it keeps.
    """
    its_in, our_out = os.pipe()
    our_in, its_out = os.pipe()
    pipes = f'exec "$@" 3<&{its_in} 4>&{its_out}'
    command = ["bash", "-c", pipes, "bash", program, *OPTIONS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        command, pass_fds=(its_in, its_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(its_in)
    os.close(its_out)
    try:
        yield Browser(our_out, our_in)
    finally:
        process.kill()
        process.wait()
        os.close(our_out)
        os.close(our_in)

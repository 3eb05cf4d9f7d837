"""Frames as people write them: ``wire("8=FIXT.1.1|35=0|34=2|...")`` and back by ``pipes(frame)``."""

from __future__ import annotations


def wire(line: str) -> bytes:
    """Return the frame of a line written with ``|`` for SOH.

    BodyLength(9) and CheckSum(10) are filled in where the line does not give them; a line that does not begin
    with BeginString(8) is a FIXT.1.1 message.
    """
    text = line.strip().strip("|").encode("latin-1").replace(b"|", b"\x01") + b"\x01"
    if not text.startswith(b"8="):
        text = b"8=FIXT.1.1\x01" + text
    begin, body = text.split(b"\x01", 1)
    body, _, trailer = body.rpartition(b"10=") if body.rfind(b"\x0110=") >= 0 else (body, b"", b"")
    if not body.startswith(b"9="):
        body = b"9=%d\x01%b" % (len(body), body)
    head = begin + b"\x01" + body
    return head + b"10=" + (trailer or b"%03d\x01" % (sum(head) % 256))


def pipes(frame: bytes) -> str:
    """Return what a frame says as one line: ``|`` for SOH, without BodyLength(9) and CheckSum(10)."""
    fields = frame.decode("latin-1").strip("\x01").split("\x01")
    return "|".join(field for field in fields if not field.startswith(("9=", "10=")))

"""A configuration for trading against a simulator: what the demo, fixtures and examples start from."""

from __future__ import annotations

from pathlib import Path

from fixgw.sim.kinds import KINDS
from fixgw.sim.venue import Simulator

ORDER_KINDS = {kind.name for kind in KINDS if kind.order_entry}
DEFAULTS = """\
defaults:
  venue: kalshi
  cancel_on_disconnect: false
  connect: {{host: 127.0.0.1, tls: {{ca_file: {ca}}}}}
  store: {{kind: tape, path: {store}}}
  reconnect: {{base_seconds: 0.2}}
admin: {{socket: {socket}}}
sessions:
"""
SESSION = """\
  - name: {name}
    kind: {kind}
    sender: {key.key_id}
    key_file: {key.path}
    connect: {{port: {port}}}
    options: {options}
"""
OPTIONS = {
    "orders": "{use_dollars: true, skip_pending_exec_reports: true, enable_ioc_cancel_report: true}",
    "drop-copy": "{use_dollars: true}",
    "rfq": "{use_dollars: true}",
}


def write_sessions(venue: Simulator, directory: Path, sessions: dict[str, tuple[str, str]]) -> Path:
    """Write ``sessions.yaml`` for a running simulator and return its path.

    Args:
        venue: the simulator.
        directory: where the file, the tapes and the control socket go.
        sessions: session name -> (kind, name of the client's key at the simulator).
    """
    directory.mkdir(parents=True, exist_ok=True)
    text = DEFAULTS.format(
        ca=venue.ca_path.resolve(),
        store=(directory / "tapes").resolve(),
        socket=(directory / "admin.sock").resolve(),
    )
    for name, (kind, key) in sessions.items():
        client = venue.keys[key]
        options = OPTIONS.get("orders" if kind in ORDER_KINDS else kind, "{}")
        text += SESSION.format(name=name, kind=kind, key=client, port=venue.ports[kind], options=options)
    file = directory / "sessions.yaml"
    file.write_text(text, encoding="utf-8")
    return file

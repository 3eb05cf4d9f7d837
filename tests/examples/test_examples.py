"""Every example runs by itself, ends well, and says what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

# what a reader sees last, by example
LAST_LINES = {
    "ask_for_quotes.py": "bought 100.00 YES at 0.4500",
    "blocking_orders.py": "filled: 10 at 0.55",
    "custom_handler.py": "position: 10",
    "custom_signer.py": "with another secret: CLIENT: logon refused: "
    "Invalid credentials (the venue does not know this secret); check API key and secret",
    "embedded_reconciler.py": "field mismatch: price 0.6000 here, 0.61 there",
    "limit_fills.py": "after a reset: new",
    "listen_to_the_account.py": "HIGHNY-26DEC31: 4.00 at 0.5500, fees 0.0693",
    "make_quotes.py": "SELL 100.00 at 0.4500",
    "nightly_reconciliation.py": "clean: every execution is on both sides",
    "query_drop_copy.py": "the venue says: 2;3 TRADE 10.00",
    "scan_markets.py": "at 15% you have 0.0300 dollars in KXFED-26DEC-T4.00",
    "submit_one_order.py": "filled: 10 at 0.55",
    "test_in_memory.py": "3 passed",
    "test_with_fixtures.py": "3 passed",
    "watch_a_market.py": "HIGHNY-26DEC31: TRADING_HALT",
    "watch_settlements.py": "alpha: 10.00 YES, paid 10.0000",
}
SERVERS = ["echo_acceptor.py"]  # run until they are told to stop; each has tests of its own


def test_every_example_is_run_here() -> None:
    assert sorted([*LAST_LINES, *SERVERS]) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAST_LINES))
def test_an_example_runs_by_itself(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith(LAST_LINES[name])
    assert list(tmp_path.iterdir()) == []

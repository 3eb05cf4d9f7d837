"""``fixgw sim``: run the venue on this machine until told to stop."""

from __future__ import annotations

import asyncio
import signal
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from fixgw.cli.render import Exit, fail, json_line, say, told
from fixgw.observe import logs
from fixgw.sim.kinds import KINDS, NR
from fixgw.sim.orders import Side
from fixgw.sim.product import Product
from fixgw.sim.scenario import Scenario, load_scenario
from fixgw.sim.stage import playing
from fixgw.sim.venue import MARKETS, REST, REST_PORT, KnownKey, SimSettings, Simulator

HOUSE_QUOTES = {
    Product.EVENTS: ((Side.BUY, Decimal("0.45")), (Side.SELL, Decimal("0.55"))),
    Product.MARGIN: ((Side.BUY, Decimal("19.45")), (Side.SELL, Decimal("19.55"))),
}
HOUSE_QTY = Decimal(1_000)


def sim(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    base_port: Annotated[
        int,
        typer.Option(
            min=0, max=65_500, help="port of KalshiNR; the others follow as at the venue; 0 picks free ones"
        ),
    ] = NR.port,
    state_dir: Annotated[Path, typer.Option(help="where certificates, keys and the ledger are kept")] = Path(
        "var/sim"
    ),
    key_id: Annotated[list[str] | None, typer.Option(help="an API key made elsewhere; repeatable")] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="its public half, PEM; one for each --key-id")
    ] = None,
    product: Annotated[
        Product, typer.Option(help="what is traded: event contracts, or perpetual futures on margin")
    ] = Product.EVENTS,
    plain: Annotated[bool, typer.Option("--plain", help="no TLS, for use behind stunnel")] = False,
    scenario: Annotated[
        Path | None, typer.Option(help="YAML file that says who is there and what happens")
    ] = None,
) -> None:
    """Run a venue that speaks Kalshi's side: TLS, signature checks, matching, reports, retransmission.

    Prints one JSON line when it is ready: host, ports, ca, keys. The house quotes both sides of each market,
    unless a scenario says what happens; its events are told on stderr.
    """
    ids, files = key_id or [], public_key or []
    if len(ids) != len(files):
        raise fail(
            f"there are {len(ids)} key ids and {len(files)} public keys",
            Exit.USAGE,
            where="--key-id, --public-key",
            remedy="give one --public-key for each --key-id, in the same order",
        )
    offset = base_port - NR.port
    ports = {kind.name: kind.port + offset if base_port else 0 for kind in KINDS}
    ports[REST] = REST_PORT + offset if base_port else 0
    known = [KnownKey(name, file) for name, file in zip(ids, files, strict=True)]
    with told():
        settings = SimSettings(
            state_dir,
            host=host,
            ports=ports,
            tls=not plain,
            known_keys=known,
            markets=MARKETS[product],
            product=product,
        )
        script = load_scenario(scenario, settings) if scenario is not None else None
        if script is not None:
            logs.setup("info")
        asyncio.run(_serve(settings, script))


async def _serve(settings: SimSettings, script: Scenario | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with playing(script or Scenario(), settings) as venue:
        for market in settings.markets if script is None else ():
            for side, price in HOUSE_QUOTES[settings.product]:
                venue.quote(market.symbol, side, price, HOUSE_QTY)
        json_line(ready(venue))
        await stop.wait()
    ledger = settings.state / "ledger.json"
    ledger.write_text(venue.ledger.to_json(), encoding="utf-8")
    say(f"stopped; what happened is in {ledger}")


def ready(venue: Simulator) -> dict[str, object]:
    """Return what a client has to know to log on."""
    names = {kind.name: kind.target_comp_id for kind in KINDS}
    return {
        "host": venue.settings.host,
        "ports": {names[name]: port for name, port in venue.ports.items()},
        **({"rest": venue.rest_url} if venue.offers_rest else {}),
        "ca": str(venue.ca_path),
        "keys": [
            {"name": key.name, "id": key.key_id, "private_key": str(key.path)} for key in venue.keys.values()
        ],
    }

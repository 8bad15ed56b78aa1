"""Start the simulator: `python -m sandbox.postmark --state-dir DIR`."""

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from sandbox.postmark import control
from sandbox.postmark.assembly import Options, Simulator, close_world, make_world
from sandbox.postmark.listener import Listener

log = logging.getLogger("sandbox.postmark")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.postmark", description="A Postmark simulator.")
    parser.add_argument(
        "--state-dir", type=Path, required=True, help="kept over restarts; gets postmark.json"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="of the Postmark paths; 0: chosen by the kernel")
    parser.add_argument(
        "--control-port", type=int, default=0, help="of the control API; 0: chosen by the kernel"
    )
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--account-token", help="default: kept from the last start, or made at random")
    token.add_argument("--account-token-file", type=Path, help="a file with the token")
    parser.add_argument(
        "--dns-url", help="a Route 53 API to look records up in; default: the control API's table"
    )
    parser.add_argument(
        "--zone-id", action="extend", nargs="+", default=[], help="hosted zones to look in; default: all"
    )

    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    named: Path | None = arguments.account_token_file
    options = Options(
        state_dir=arguments.state_dir,
        host=arguments.host,
        port=arguments.port,
        account_token=named.read_text().strip() if named else arguments.account_token,
        dns_url=arguments.dns_url,
        zone_ids=arguments.zone_id,
    )
    world = make_world(options)
    try:
        await _run(Simulator(world, options), arguments)
    finally:
        await close_world(world)


async def _run(simulator: Simulator, arguments: argparse.Namespace) -> None:
    await simulator.start()
    try:
        control_listener = await _open_control(simulator, arguments.host, arguments.control_port)
        stopped = asyncio.Event()
        for wanted in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(wanted, stopped.set)
        _announce(arguments.state_dir, simulator, control_listener)
        await stopped.wait()
        log.info("stopping")
        await control_listener.close()
    finally:
        await simulator.stop()


async def _open_control(simulator: Simulator, host: str, port: int) -> Listener:
    runner = web.AppRunner(control.application(simulator), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    listener = Listener(runner, host, port)
    await listener.open()
    return listener


def _announce(state_dir: Path, simulator: Simulator, control_listener: Listener) -> None:
    """Written whole or not at all: whoever waits for the file may read it at once."""
    content = {
        "url": simulator.listener.url,
        "control_url": control_listener.url,
        "account_token": simulator.world.account_token,
        "pid": os.getpid(),
    }
    draft = state_dir / "postmark.json.new"
    draft.write_text(json.dumps(content))
    draft.replace(state_dir / "postmark.json")
    log.info("Postmark paths at %s, control at %s", content["url"], content["control_url"])


def main() -> None:
    os.umask(0o077)  # the state holds tokens
    arguments = _arguments()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    # Nearly everything here lives for ever: with the usual thresholds, full collections stop all calls.
    gc.set_threshold(200_000, 20, 50)
    arguments.state_dir.mkdir(parents=True, exist_ok=True)
    (arguments.state_dir / "postmark.json").unlink(missing_ok=True)
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        sys.exit(f"cannot start: {error}")


if __name__ == "__main__":
    main()

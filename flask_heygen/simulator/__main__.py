"""The simulator as a program: ``python -m flask_heygen.simulator``."""

import os
import signal
import threading
from dataclasses import Field, fields
from typing import Any

import click

from .auth import joinable
from .config import Config
from .signaling_endpoint import INSTALL_HINT
from .simulator import Simulator

# Where the program differs from the class.
_DEFAULTS = {"joined": not joinable(), "agent_seconds": 0.3}


def _latency(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    latency = {}
    for value in values:
        name, _, seconds = value.rpartition("=")
        try:
            latency[name or "*"] = float(seconds)
        except ValueError as error:
            raise click.BadParameter(f"{value} is neither SECONDS nor CALL=SECONDS.") from error
    return latency


def _option(field: Field[Any]) -> click.Option:
    """Make the option of a field of `Config`."""
    flag = f"--{field.name.replace('_', '-')}"
    more: dict[str, Any] = {"help": field.metadata["help"]}
    match field.name:
        case "latency":
            more |= {"multiple": True, "callback": _latency, "metavar": "[CALL=]SECONDS"}
        case "hears":
            more |= {"multiple": True, "metavar": "TEXT"}
        case "api_key":
            more |= {"type": str}
        case name:
            kind = {bool: bool, int: int}.get(Config.__annotations__[name], float)
            more |= {"default": _DEFAULTS.get(name, field.default), "type": kind}
            more |= {"show_default": True}
    return click.Option([f"{flag}/--no-joined" if field.name == "joined" else flag], **more)


@click.command()
@click.option(
    "--port",
    default=8081,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes a free one.",
)
def main(port: int, **options: Any) -> None:
    """Stand in for HeyGen's v1 streaming API and LiveAvatar on 127.0.0.1, until Ctrl-C."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    simulator = Simulator(port=port, **options)
    try:
        simulator.start()
    except OSError as error:
        message = f"Port {port}: {os.strerror(error.errno or 0)}. Choose another with --port."
        raise click.ClickException(message) from error

    click.echo(f"A simulation of HeyGen is at {simulator.url}")
    if not joinable():
        click.echo(INSTALL_HINT)
    # With a timeout, so that Windows notices Ctrl-C.
    while not ended.wait(0.5):
        pass
    simulator.stop()


main.params += [_option(field) for field in fields(Config)]

if __name__ == "__main__":
    main()

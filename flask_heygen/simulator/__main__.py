"""The simulator as a program: ``python -m flask_heygen.simulator``."""

import os
import signal
import threading

import click

from .door import ADVICE, joinable
from .simulation import Simulator


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


@click.command()
@click.option(
    "--port",
    default=8081,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes a free one.",
)
@click.option(
    "--token-seconds", default=3600.0, show_default=True, help="How long a token is good for."
)
@click.option(
    "--session-seconds", default=600, show_default=True, help="The hard limit of a session."
)
@click.option(
    "--idle-seconds", default=120, show_default=True, help="The idle limit of a v1 session."
)
@click.option(
    "--concurrent-limit",
    default=3,
    show_default=True,
    help="How many sessions may be open at once.",
)
@click.option(
    "--agent-seconds",
    default=0.3,
    show_default=True,
    help="How long after its start a LiveAvatar session's avatar joins the room.",
)
@click.option(
    "--latency",
    multiple=True,
    callback=_latency,
    metavar="[CALL=]SECONDS",
    help="How long a call waits, as task=0.15, and without a name, any. May be repeated.",
)
@click.option(
    "--joined/--no-joined",
    default=not joinable(),
    help="Whether somebody counts as being in each room; the default is no if rooms can be joined.",
)
def main(port: int, **options: object) -> None:
    """Stand in for HeyGen's v1 streaming API and LiveAvatar on 127.0.0.1, until Ctrl-C."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    simulator = Simulator(port=port, **options)  # type: ignore[arg-type]  # click has checked them
    try:
        simulator.start()
    except OSError as error:
        message = f"Port {port}: {os.strerror(error.errno or 0)}. Choose another with --port."
        raise click.ClickException(message) from error

    click.echo(f"A simulation of HeyGen is at {simulator.url}")
    if not joinable():
        click.echo(ADVICE)
    # With a timeout, so that Windows notices Ctrl-C.
    while not ended.wait(0.5):
        pass
    simulator.stop()


if __name__ == "__main__":
    main()

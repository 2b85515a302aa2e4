"""The interview as a program: ``python -m example_app``."""

import errno
import socket
from contextlib import suppress
from typing import Any

import click
from werkzeug.serving import make_server

from . import LOCAL_HOSTS, create_app, environment

HEYGEN = "HeyGen: the account of HEYGEN_API_KEY is in use. It is charged for each session."
#: An avatar that both of the simulated APIs know.
AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
SIMULATION = "Simulation: HEYGEN_API_KEY is not set, so a simulator stands in for HeyGen, at {}"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes a free one.",
)
@click.option(
    "--api",
    type=click.Choice(["streaming", "liveavatar"]),
    help="The vendor API to speak, as HEYGEN_API.",
)
def main(host: str, port: int, api: str | None) -> None:
    """Hold an interview in the browser, with HEYGEN_API_KEY or without an account."""
    with _listen(host, port) as listener, suppress(KeyboardInterrupt):
        config = {"TRUSTED_HOSTS": _names_of(host), **environment()}
        if api is not None:
            config["HEYGEN_API"] = api
        if config.get("HEYGEN_API_KEY"):
            click.echo(HEYGEN)
        else:
            config |= _simulate()
            click.echo(SIMULATION.format(config["HEYGEN_BASE_URL"]))
        server = make_server(host, port, create_app(config), threaded=True, fd=listener.fileno())
        click.echo(f"Interview: http://{host}:{server.port}/ (Ctrl-C ends it)")
        server.serve_forever()


def _names_of(host: str) -> list[str]:
    """Return the names by which a browser may reach the app that listens on `host`."""
    everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104  what is compared is not bound
    own = socket.gethostname() if everywhere else host
    return [*LOCAL_HOSTS, f"[{own}]" if ":" in own else own]


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(f"Port {port} is taken; --port names another.") from error
        raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}.") from error


def _simulate() -> dict[str, Any]:
    """Start the simulator, which ends with this process, and return the settings for it."""
    try:
        from flask_heygen.simulator import (  # noqa: PLC0415  an extra, not needed with a key
            Simulator,
            joinable,
        )
    except ImportError as error:
        raise click.ClickException(f"{error}, or set HEYGEN_API_KEY.") from error

    simulator = Simulator()
    simulator.start()
    if not joinable():
        click.echo("To see and hear the interviewer: pip install 'flask-heygen[avatar]'")
    return {
        "HEYGEN_API_KEY": "simulated",
        "HEYGEN_BASE_URL": simulator.url,
        "HEYGEN_SESSION_DEFAULTS": {"avatar_id": AVATAR},
        "INTERVIEW_SIMULATED": True,
    }


if __name__ == "__main__":
    main(prog_name="python -m example_app")

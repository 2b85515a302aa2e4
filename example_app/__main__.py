"""The interview as a program: ``python -m example_app``."""

import errno
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
import requests
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
@click.option(
    "--conversation",
    is_flag=True,
    help="Hold a free talk with LiveAvatar's model instead of the interview.",
)
def main(host: str, port: int, api: str | None, *, conversation: bool) -> None:
    """Hold an interview in the browser, with HEYGEN_API_KEY or without an account."""
    with _listen(host, port) as listener, suppress(KeyboardInterrupt):
        config = {"TRUSTED_HOSTS": _names_of(host), **environment()}
        if api is not None:
            config["HEYGEN_API"] = api
        if conversation:
            config |= {"HEYGEN_API": "liveavatar", "INTERVIEW_CONVERSATION": True}
        if config.get("HEYGEN_API_KEY"):
            click.echo(HEYGEN)
        else:
            hears = config.get("HEYGEN_API") != "liveavatar"  # which hears in any case
            config |= _simulate(ia_is_livekit_transport=hears, conversation=conversation)
            click.echo(SIMULATION.format(config["HEYGEN_BASE_URL"]))
        if conversation:
            _require_model(config)
        server = make_server(host, port, create_app(config), threaded=True, fd=listener.fileno())
        click.echo(f"Interview: http://{host}:{server.port}/ (Ctrl-C ends it)")
        server.serve_forever()


def _require_model(config: Mapping[str, Any]) -> None:
    """Refuse to start a conversation in which nothing can answer."""
    defaults = config.get("HEYGEN_SESSION_DEFAULTS", {})
    if not {"context_id", "voice_agent"} & set(defaults):
        raise click.ClickException(
            "A conversation needs a context_id or a voice_agent in HEYGEN_SESSION_DEFAULTS."
        )


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


def _simulate(*, ia_is_livekit_transport: bool, conversation: bool) -> dict[str, Any]:
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
    defaults: dict[str, Any] = {"avatar_id": AVATAR}
    if ia_is_livekit_transport:
        defaults["ia_is_livekit_transport"] = True
    if conversation:
        defaults["context_id"] = _create_context(simulator.url)
    return {
        "HEYGEN_API_KEY": "simulated",
        "HEYGEN_BASE_URL": simulator.url,
        "HEYGEN_SESSION_DEFAULTS": defaults,
        "INTERVIEW_SIMULATED": True,
    }


def _create_context(url: str) -> str:
    """Create a context, without which an avatar of LiveAvatar's does not answer; return its id."""
    context = {"name": "Conversation", "prompt": "Talk about anything.", "opening_text": "Hello."}
    headers = {"X-API-KEY": "simulated"}
    created = requests.post(f"{url}/v1/contexts", json=context, headers=headers, timeout=10)
    created.raise_for_status()
    return str(created.json()["data"]["id"])


if __name__ == "__main__":
    main(prog_name="python -m example_app")

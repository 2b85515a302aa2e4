"""What an operator can type: ``flask heygen check``, ``sessions`` and ``stop``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext

from .client import HeyGenClient
from .errors import HeyGenError

FindClient = Callable[[], HeyGenClient]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class _Age(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since 8.5
    """An age such as 90s, 30m, 2h or 1d, as seconds."""

    name = "age"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        match = re.fullmatch(r"(\d+)([smhd])", str(value))
        if match is None:
            self.fail(f"{value!r} is not an age such as 90s, 30m, 2h or 1d.", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


def add_commands(group: click.Group, find_client: FindClient) -> None:
    """Give ``group`` the commands for the account whose client ``find_client`` returns."""
    group.help = "Look after the account's avatar sessions."
    for make in (_check_command, _sessions_command, _stop_command):
        group.add_command(make(find_client))


def _check_command(find_client: FindClient) -> click.Command:
    @click.command()
    @with_appcontext
    def check() -> None:
        """Tell whether the key is good and the API alive, or which is; exit with 1 where not."""
        with _explained():
            client = find_client()
        try:
            live = client.check()
        except HeyGenError as error:
            others = [name for name in client.working_apis() if name != client.settings.api]
            works = f" This key works with HEYGEN_API = {others[0]!r}: set that." if others else ""
            raise click.ClickException(_explain(error) + works) from error

        click.echo(f"key       accepted by {client.base_url}")
        click.echo(f"API       {client.settings.api} is alive")
        click.echo(f"sessions  {len(live)} live")
        click.echo("quota     not told by this API")

    return check


def _sessions_command(find_client: FindClient) -> click.Command:
    @click.command()
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, the ages in seconds.")
    @with_appcontext
    def sessions(*, as_json: bool) -> None:
        """List the sessions that run, and cost, at this moment."""
        with _explained():
            live = find_client().sessions()

        if as_json:
            click.echo(json.dumps(live, indent=2))
            return
        click.echo(f"{'SESSION':<38}{'STATUS':<12}AGE")
        for each in live:
            click.echo(f"{each['session_id']:<38}{each['status']:<12}{_span(each['age'])}")

    return sessions


def _stop_command(find_client: FindClient) -> click.Command:
    @click.command()
    @click.argument("ids", nargs=-1)
    @click.option("--all", "every", is_flag=True, help="End every live session; asks first.")
    @click.option("--older-than", type=_Age(), help="End the live ones of at least this age.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @with_appcontext
    def stop(*, ids: tuple[str, ...], every: bool, older_than: int | None, yes: bool) -> None:
        """End sessions, and their cost; exit with 1 where one could not be ended.

        IDS are the vendor's, as `sessions` lists them. An age is 90s, 30m, 2h or 1d.
        """
        if [bool(ids), every, older_than is not None].count(True) != 1:
            raise click.UsageError("Give either session IDs, or --all, or --older-than.")
        with _explained():
            client = find_client()
            live = [] if ids else client.sessions()
        chosen = ids or _older(live, older_than or 0)
        ageless = [each["session_id"] for each in live if older_than and each["age"] is None]
        if every and chosen and not yes:
            click.confirm(f"End {len(chosen)} sessions, whoever talks to them?", abort=True)

        failed = _stop(client, chosen)
        click.echo(f"{len(chosen) - len(failed)} stopped, {len(failed)} failed.")
        failed += [f"{each} tells no age, and was left: stop it by its id." for each in ageless]
        if failed:
            raise click.ClickException("\n".join(failed))

    return stop


def _older(live: Sequence[dict[str, Any]], age: int) -> tuple[str, ...]:
    """Choose the sessions of at least ``age`` seconds; one of unknown age only where that is 0."""
    return tuple(each["session_id"] for each in live if age == 0 or (each["age"] or 0) >= age)


def _stop(client: HeyGenClient, ids: Sequence[str]) -> list[str]:
    failed = []
    with click.progressbar(ids, label="Stopping", hidden=len(ids) < 2) as each:
        for session_id in each:
            try:
                client.stop(session_id)
            except HeyGenError as error:
                failed.append(f"{session_id} {_explain(error)}")
    return failed


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except HeyGenError as error:
        raise click.ClickException(_explain(error)) from error


def _explain(error: HeyGenError) -> str:
    told = f"HeyGen said: {error.upstream['message']!r}." if error.upstream else ""
    return " ".join(filter(None, (f"[{error.code}]", error.message, told, error.hint)))


def _span(seconds: int | None) -> str:
    if seconds is None:
        return "?"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"

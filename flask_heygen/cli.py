"""The commands of an operator: ``flask heygen check``, ``sessions`` and ``stop``."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext

from .client import HeyGenClient
from .errors import HeyGenError, SessionClosed, SessionNotFound

FindClient = Callable[[], HeyGenClient]
#: Returns sentences for the operator.
Report = Callable[[], list[str]]

#: Seconds for which a vendor may still list a session that was stopped.
LIST_LAG = 5.0

_AGE = re.compile(r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class _Age(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since 8.5
    """An age such as 90s, 30m or 1h30m, as seconds."""

    name = "age"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        match = _AGE.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not an age such as 90s, 30m, 1h30m or 1d.", param, ctx)
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def add_commands(
    group: click.Group, find_client: FindClient, find_problems: Report, find_warnings: Report
) -> None:
    """Add the commands for the account whose client ``find_client`` returns.

    ``find_problems`` returns what would make a start fail, ``find_warnings`` what may be a
    mistake.
    """
    group.help = "Look after the account's avatar sessions."
    group.add_command(_check_command(find_client, find_problems, find_warnings))
    group.add_command(_sessions_command(find_client))
    group.add_command(_stop_command(find_client))


def _check_command(
    find_client: FindClient, find_problems: Report, find_warnings: Report
) -> click.Command:
    @click.command()
    @with_appcontext
    def check() -> None:
        """Check the key, the API and the settings; exit with 1 if a start would fail."""
        with _explained():
            client = find_client()
        for warning in find_warnings():
            click.echo(f"warning   {warning}")
        try:
            live = client.check()
        except HeyGenError as error:
            others = [name for name in client.working_apis() if name != client.settings.api]
            works = f" This key works with HEYGEN_API = {others[0]!r}: set that." if others else ""
            raise click.ClickException(_explain(error) + works) from error

        click.echo(f"key       accepted by {client.base_url}")
        click.echo(f"API       {client.settings.api} is alive")
        click.echo(f"sessions  {len(live)} live")
        if problems := find_problems():
            raise click.ClickException("\n".join(problems))

    return check


def _sessions_command(find_client: FindClient) -> click.Command:
    @click.command()
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, the ages in seconds.")
    @with_appcontext
    def sessions(*, as_json: bool) -> None:
        """List the live sessions, which cost credits."""
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
    @click.option("--all", "every", is_flag=True, help="Stop every live session; asks first.")
    @click.option("--older-than", type=_Age(), help="Stop the live sessions of at least this age.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @with_appcontext
    def stop(*, ids: tuple[str, ...], every: bool, older_than: int | None, yes: bool) -> None:
        """Stop sessions, and their cost; exit with 1 if one could not be stopped.

        IDS are the vendor's, as `sessions` lists them, or those that pages hold. An age is 90s,
        30m, 1h30m or 1d.
        """
        if [bool(ids), every, older_than is not None].count(True) != 1:
            raise click.UsageError("Give either session IDs, or --all, or --older-than.")
        with _explained():
            client = find_client()
            live = [] if ids else client.sessions()
        chosen = list(dict.fromkeys(ids)) or _older(live, older_than or 0)
        ageless = [each["session_id"] for each in live if older_than and each["age"] is None]
        if every and chosen and not yes:
            sessions = "1 session" if len(chosen) == 1 else f"{len(chosen)} sessions"
            click.confirm(f"Stop {sessions}, though somebody may be in them?", abort=True)

        failed = _stop(client, chosen, listed=not ids)
        click.echo(f"{len(chosen) - len(failed)} stopped, {len(failed)} failed.")
        failed += [f"{each} has no known age and was left: stop it by its id." for each in ageless]
        if failed:
            raise click.ClickException("\n".join(failed))

    return stop


def _older(live: Sequence[dict[str, Any]], age: int) -> list[str]:
    """Choose the sessions of at least ``age`` seconds; those of unknown age only if it is 0."""
    return [each["session_id"] for each in live if age == 0 or (each["age"] or 0) >= age]


def _stop(client: HeyGenClient, ids: Sequence[str], *, listed: bool) -> list[str]:
    """Stop sessions; return a sentence for each that was not stopped, or is still listed."""
    stopped, failed = [], []
    with click.progressbar(ids, label="Stopping", hidden=len(ids) < 2) as each:
        for session_id in each:
            try:
                session_id = client.session_id(session_id)  # noqa: PLW2901  it may be a handle
                client.stop(session_id, missing_ok=False)
                stopped.append(client.session_id(session_id))
            except SessionClosed:
                click.echo(f"{session_id} had ended already.")
            except SessionNotFound:
                if not listed:  # one that was listed has ended since
                    failed.append(f"{session_id} is unknown: mistyped, or it has ended.")
            except HeyGenError as error:
                failed.append(f"{session_id} {_explain(error)}")
    still = [f"{each} was stopped and is still listed." for each in _still_listed(client, stopped)]
    return [*failed, *still]


def _still_listed(client: HeyGenClient, ids: Collection[str]) -> list[str]:
    """Return which sessions the vendor lists for ``LIST_LAG`` seconds after they were stopped."""
    until = time.monotonic() + LIST_LAG
    while ids:
        with _explained():
            live = {each["session_id"] for each in client.sessions()}
        ids = [each for each in ids if each in live]
        if time.monotonic() >= until:
            break
        if ids:
            time.sleep(0.5)
    return list(ids)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except HeyGenError as error:
        raise click.ClickException(_explain(error)) from error


def _explain(error: HeyGenError) -> str:
    quoted = f"The vendor said: {error.upstream['message']!r}." if error.upstream else ""
    return " ".join(filter(None, (f"[{error.code}]", error.message, quoted, error.hint)))


def _span(seconds: int | None) -> str:
    if seconds is None:
        return "?"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"

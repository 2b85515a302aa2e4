"""The commands of an operator, such as ``flask heygen check``."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext

from .account import OPEN, AccountBlueprint
from .backends import Progress, one_line
from .client import HeyGenClient
from .errors import (
    ApiRetired,
    AuthFailed,
    HeyGenError,
    InvalidField,
    Refused,
    SessionClosed,
    SessionNotFound,
)

#: Seconds for which a vendor may still list a session that was stopped.
LIST_LAG = 5.0

_AGE = re.compile(r"(?=.)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")


class _Age(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since 8.5
    """An age such as 90s, 30m or 1h30m, as seconds."""

    name = "age"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        match = _AGE.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not an age such as 90s, 30m, 1h30m or 1d.", param, ctx)
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def add_commands(account: AccountBlueprint) -> None:
    """Add the commands to the blueprint's group."""
    group = account.cli
    group.help = "Look after the account's avatar sessions."
    group.add_command(_check_command(account))
    group.add_command(_sessions_command(account))
    group.add_command(_stop_command(account))
    group.add_command(_transcript_command(account))
    group.add_command(_choices_command(account, "avatars", HeyGenClient.avatars))
    group.add_command(_choices_command(account, "voices", HeyGenClient.voices))


def _check_command(account: AccountBlueprint) -> click.Command:
    @click.command()
    @with_appcontext
    def check() -> None:
        """Check the key, the API and the settings; exit with 1 if one of them is wrong.

        No session is started, and no avatar is looked up.
        """
        with _explained():
            client = account.client
        open_routes = [OPEN % account.name] if account.is_open else []
        for warning in [*account.warnings(), *open_routes]:
            click.echo(f"warning   {warning}")
        try:
            live = client.check()
        except (AuthFailed, ApiRetired) as error:
            others = client.working_apis()
            works = f" This key works with HEYGEN_API = {others[0]!r}: set that." if others else ""
            raise click.ClickException(_explain(error) + works) from error
        except HeyGenError as error:
            raise click.ClickException(_explain(error)) from error

        click.echo(f"key       accepted by {client.base_url}")
        click.echo(f"API       {client.settings.api} is alive")
        click.echo(f"sessions  {len(live)} live")
        click.echo(f"credits   {_credits(client)}")
        if avatar := _avatar(account):
            click.echo(f"avatar    {avatar}")
        if problems := account.problems():
            raise click.ClickException("\n".join(problems))

    return check


def _avatar(account: AccountBlueprint) -> str:
    """Return what is known of the avatar of a session, empty for the vendor's default."""
    defaults = account.client.settings.session_defaults
    if avatar := defaults.get("avatar_id") or defaults.get("avatar_name"):
        listed = f"`flask {account.name} avatars` lists those that exist"
        return f"{one_line(str(avatar))} was not looked up: {listed}"
    return "left to the session_loader, which was not called" if account.has_session_loader else ""


def _credits(client: HeyGenClient) -> str:
    try:
        left = client.credits()
    except HeyGenError as error:  # the key is good, and a start may well succeed
        return f"unknown: {_explain(error)}"
    return f"{left:,.10g} left; a minute of a session costs {client.credits_per_minute:g}"


def _sessions_command(account: AccountBlueprint) -> click.Command:
    @click.command()
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, the ages in seconds.")
    @with_appcontext
    def sessions(*, as_json: bool) -> None:
        """List the live sessions, which cost credits."""
        with _explained():
            live = account.client.sessions()

        if as_json:
            _print_json(live)
        else:
            rows = [(each["session_id"], each["status"], _span(each["age"])) for each in live]
            _print_table(("SESSION", "STATUS", "AGE"), rows)

    return sessions


def _choices_command(
    account: AccountBlueprint,
    name: str,
    list_all: Callable[[HeyGenClient, Progress], list[dict[str, Any]]],
) -> click.Command:
    """Return the command that lists avatars or voices."""

    @click.command(name, help=f"List the {name} that a session can have.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @with_appcontext
    def choices(*, as_json: bool) -> None:
        with _explained(), _progress(f"Reading {name}") as progress:
            found = list_all(account.client, progress)

        if as_json:
            _print_json(found)
        else:
            rows = [
                (each["id"], each["kind"], "yes" if each["ready"] else "no", each["name"])
                for each in found
            ]
            _print_table(("ID", "KIND", "READY", "NAME"), rows)

    return choices


@contextmanager
def _progress(label: str) -> Iterator[Progress]:
    """Show on a terminal how much of a list is read."""
    terminal = sys.stderr.isatty()
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not terminal) as bar:

        def progress(read: int, total: int) -> None:
            bar.length = total
            bar.update(read - bar.pos)

        yield progress


def _transcript_command(account: AccountBlueprint) -> click.Command:
    @click.command()
    @click.argument("session_id", metavar="ID")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, the times in Unix seconds.")
    @with_appcontext
    def transcript(*, session_id: str, as_json: bool) -> None:
        """Print what was said in a session, by user and avatar; the times are UTC."""
        with _explained():
            client = account.client
        try:
            said = client.transcript(session_id)
        except HeyGenError as error:
            raise click.ClickException(_explain_session(account, session_id, error)) from error

        if as_json:
            _print_json(said)
        else:
            rows = [(_clock(each["at"]), each["role"], one_line(each["text"])) for each in said]
            _print_table(("TIME", "ROLE", "TEXT"), rows)

    return transcript


def _print_json(rows: list[dict[str, Any]]) -> None:
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    # JSON itself leaves the controls from U+007F on as they are, and some terminals obey them.
    click.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _stop_command(account: AccountBlueprint) -> click.Command:
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
            live = [] if ids else account.client.sessions()
        chosen = list(dict.fromkeys(ids)) or _older(live, older_than or 0)
        if every and chosen and not yes:
            sessions = "1 session" if len(chosen) == 1 else f"{len(chosen)} sessions"
            click.confirm(f"Stop {sessions}, though somebody may be in them?", abort=True)

        stopped, ended, failed = _stop(account, chosen, listed=not ids)
        before = f"{len(ended)} had ended already, " if ended else ""
        rest = len(chosen) - len(stopped) - len(ended)
        click.echo(f"{len(stopped)} stopped, {before}{rest} failed.")
        failed += _left(live, older_than or 0)
        if failed:
            raise click.ClickException("\n".join(failed))

    return stop


def _older(live: Sequence[dict[str, Any]], age: int) -> list[str]:
    """Choose the sessions of at least ``age`` seconds; those of unknown age only if it is 0."""
    return [each["session_id"] for each in live if age == 0 or (each["age"] or 0) >= age]


def _left(live: Sequence[dict[str, Any]], age: int) -> list[str]:
    """Return a sentence for each session that was left because its age is unknown."""
    return [
        f"{each['session_id']} has no known age and was left: stop it by its id."
        for each in live
        if age and each["age"] is None
    ]


def _stop(
    account: AccountBlueprint, ids: Sequence[str], *, listed: bool
) -> tuple[list[str], list[str], list[str]]:
    """Stop sessions; return those it stopped, those that had ended, and what to say of others."""
    client = account.client
    stopped, ended, failed = [], [], []
    with click.progressbar(ids, label="Stopping", hidden=len(ids) < 2) as each:
        for session_id in each:
            try:
                session_id = client.session_id(session_id)  # noqa: PLW2901  it may be a handle
                client.stop(session_id, missing_ok=False)
                stopped.append(client.session_id(session_id))
            except SessionClosed:
                click.echo(f"{session_id} had ended already.")
                ended.append(session_id)
            except HeyGenError as error:
                if listed and isinstance(error, SessionNotFound):  # it has ended since
                    ended.append(session_id)
                else:
                    failed.append(_explain_session(account, session_id, error))
    try:
        still = _still_listed(client, stopped)
    except HeyGenError as error:
        unknown = f"was stopped; whether it is still listed is unknown: {_explain(error)}"
        failed += [f"{each} {unknown}" for each in stopped]
    else:
        failed += [f"{each} was stopped and is still listed." for each in still]
        stopped = [each for each in stopped if each not in still]
    return stopped, ended, failed


def _still_listed(client: HeyGenClient, ids: Collection[str]) -> list[str]:
    """Return which sessions the vendor lists for ``LIST_LAG`` seconds after they were stopped."""
    until = time.monotonic() + LIST_LAG
    while ids:
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
    status = error.upstream and not error.upstream["message"] and error.upstream["status"]
    silent = f"The vendor gave no reason, and status {status}." if status else ""
    return " ".join(filter(None, (f"[{error.code}]", str(error), silent, error.hint)))


def _explain_session(account: AccountBlueprint, session_id: str, error: HeyGenError) -> str:
    """Return why a command failed for a session whose id was given."""
    # LiveAvatar refuses an id that is not a UUID, and names the field.
    reason = error.upstream["message"] if error.upstream else ""
    refused = isinstance(error, Refused) and "session_id" in reason
    if refused or isinstance(error, SessionNotFound | InvalidField):
        listed = f"`flask {account.name} sessions`"
        return f"{session_id} is unknown: mistyped, or it has ended; see {listed}."
    return f"{session_id} {_explain(error)}"


def _clock(at: float | None) -> str:
    return "?" if at is None else datetime.fromtimestamp(at, timezone.utc).strftime("%H:%M:%S")


def _span(seconds: int | None) -> str:
    if seconds is None:
        return "?"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"

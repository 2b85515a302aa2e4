"""Values from a vendor's data, checked before they are used."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from flask_heygen.errors import UpstreamFailed

from .redaction import one_line

#: The characters and length of the id of a session or a task; UUIDs were seen.
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: The characters and length of a token that a header can carry; a session's has about 130.
_TOKEN = re.compile(r"[!-~]{1,8192}")
#: The characters and length of a room's URL.
_URL = re.compile(r"[!-~]{1,2048}")
#: A larger number is nonsense; in seconds since 1970 it is in the year 5138.
_LARGEST = 1e11
#: Seconds; a timer of a browser's that is set to 2^31 milliseconds or more goes off at once.
_TIMER = 2_000_000
#: Characters of a name that are kept.
_TEXT = 200


def get_field(data: Any, name: str) -> Any:
    """Return a field of a vendor's object, or None."""
    return data.get(name) if isinstance(data, dict) else None


def is_id(value: Any) -> bool:
    """Return whether a value may be the id of a session or a task."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def parse_session_id(data: Any) -> str | None:
    """Return the session id of a session's data, or None."""
    value = get_field(data, "session_id") or get_field(data, "id")
    return value if is_id(value) else None


def parse_token(data: Any, name: str) -> str | None:
    """Return the session token of that name, or None.

    A token that no header can carry is refused here: http.client's error would quote it.
    """
    value = get_field(data, name)
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def parse_room(room: Any, names: tuple[str, str, str], *, local: bool) -> dict[str, Any]:
    """Return what a page needs to join the session's LiveKit room, and the session's limit.

    ``names`` are those of the URL, the access token and the limit. An unencrypted URL is accepted
    from a vendor that is ``local``, such as the simulator.
    """
    url, access_token = get_field(room, names[0]), parse_token(room, names[1])
    if access_token is None or not _is_room_url(url, local=local):
        raise UpstreamFailed("The vendor's reply held no room to join.")

    return {
        "transport": "livekit",
        "url": url,
        "access_token": access_token,
        "session_seconds": parse_number(get_field(room, names[2]), _TIMER),
    }


def _is_room_url(url: Any, *, local: bool) -> bool:
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return False
    with suppress(ValueError):
        parts = urlsplit(url)
        schemes = ("wss", "https", "ws", "http") if local else ("wss", "https")
        return parts.scheme in schemes and bool(parts.hostname)
    return False


def parse_session(data: Any) -> dict[str, Any]:
    """Return ``session_id``, ``seconds``, ``credits`` and ``end_reason`` (None while it runs)."""
    session_id = parse_session_id(data)
    if session_id is None:
        raise UpstreamFailed("The vendor's reply held no session.")

    return {
        "session_id": session_id,
        "seconds": parse_number(data.get("duration")),
        "credits": parse_decimal(data.get("credits_consumed")),
        "end_reason": parse_text(data, "end_reason") or None,
    }


def parse_transcript(data: Any) -> tuple[list[dict[str, Any]], int]:
    """Return the rows of a page, and the timestamp at which the next page begins, or 0.

    A row has ``role`` ("user" or "avatar"), ``text`` and ``at``, in Unix seconds or None.
    """
    page = [
        {
            "role": parse_text(row, "role"),
            "text": str(row.get("transcript") or ""),
            "at": _unix_seconds(row.get("absolute_timestamp")),
        }
        for row in parse_rows(get_field(data, "transcript_data"))
    ]
    following = get_field(data, "next_timestamp")
    return page, following if type(following) is int else 0


def parse_credits(data: Any, name: str) -> float:
    """Return the number of credits; LiveAvatar has it as a string."""
    value = parse_decimal(get_field(data, name))
    if value is None:
        raise UpstreamFailed("The vendor's reply held no number of credits.")

    return value


def parse_listed(
    row: dict[str, Any], names: tuple[str, str], *, kind: str, ready: bool
) -> dict[str, Any]:
    """Return ``id``, ``name``, ``kind`` and ``ready`` of an avatar or a voice.

    ``names`` are those of the id and the name in the vendor's row.
    """
    if not parse_text(row, names[0]):
        raise UpstreamFailed("The vendor's reply held no list of avatars or voices.")

    return {
        "id": parse_text(row, names[0]),
        "name": parse_text(row, names[1]),
        "kind": kind.strip(),
        "ready": ready,
    }


def parse_text(data: Any, name: str) -> str:
    """Return a field as a text that is fit for a terminal, blank if it is none."""
    value = get_field(data, name)
    return one_line(value)[:_TEXT] if isinstance(value, str) else ""


def parse_decimal(value: Any) -> float | None:
    """Return a number from 0, which may be in a string, or None."""
    with suppress(ValueError):
        number = parse_number(float(value) if isinstance(value, str) else value)
        return None if number is None else float(number)
    return None


def parse_duration(value: Any) -> int | float | None:
    """Return milliseconds for which a page can set a timer, or None."""
    return parse_number(value, _TIMER * 1000)


def parse_number(value: Any, most: float = _LARGEST) -> int | float | None:
    """Return a number from 0 to ``most``, or None; Python also reads NaN and Infinity."""
    return value if type(value) in (int, float) and 0 <= value < most else None


def parse_rows(rows: Any) -> list[dict[str, Any]]:
    """Return a list of objects."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UpstreamFailed("The vendor's reply held no list.")

    return rows


def parse_sessions(rows: Any) -> list[dict[str, Any]]:
    """Return ``session_id``, ``status`` and ``age`` (seconds, or None) of each session."""
    rows = parse_rows(rows)
    if not all(parse_session_id(row) for row in rows):
        raise UpstreamFailed("The vendor's reply held no list of sessions.")

    return [
        {
            "session_id": parse_session_id(row),
            "status": parse_text(row, "status") or "live",
            "age": _age(row.get("created_at")),
        }
        for row in rows
    ]


def _age(created: Any) -> int | None:
    seconds = _unix_seconds(created)
    return None if seconds is None else max(0, int(time.time() - seconds))


def _unix_seconds(value: Any) -> int | float | None:
    if isinstance(value, str):  # ISO 8601 (guess)
        with suppress(ValueError):
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            value = (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    number = parse_number(value, _LARGEST * 1000)
    # A larger one is in milliseconds (guess: the vendor does not say which its integers are).
    return number / 1000 if number and number >= _LARGEST else number

"""Values from a vendor's data, checked before they are used."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from flask_heygen.errors import UpstreamFailed

from .redaction import redact

#: The characters and length of the id of a session or a task; UUIDs were seen.
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: The characters and length of a token that a header can carry; a session's has about 130.
_TOKEN = re.compile(r"[!-~]{1,8192}")
#: The characters and length of a room's URL.
_URL = re.compile(r"[!-~]{1,2048}")
#: Seconds since 1970, in the year 5138; a later time is nonsense.
_LATEST = 1e11


def is_id(value: Any) -> bool:
    """Return whether a value may be the id of a session or a task."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def parse_session_id(data: Any) -> str | None:
    """Return the session id of a session's data, or None."""
    value = data.get("session_id", data.get("id")) if isinstance(data, dict) else None
    return value if is_id(value) else None


def parse_token(data: Any, name: str) -> str | None:
    """Return the session token of that name, or None.

    A token that no header can carry is refused here: http.client's error would quote it.
    """
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def parse_room(room: Any, names: tuple[str, str, str], *, local: bool) -> dict[str, Any]:
    """Return what a page needs to join the session's LiveKit room, and the session's limit.

    ``names`` are those of the URL, the access token and the limit. An unencrypted URL is accepted
    from a vendor that is ``local``, such as the simulator.
    """
    room = room if isinstance(room, dict) else {}
    url, seconds = room.get(names[0]), room.get(names[2])
    access_token = parse_token(room, names[1])
    if access_token is None or not _is_room_url(url, local=local):
        raise UpstreamFailed("The vendor's reply held no room to join.")

    return {
        "transport": "livekit",
        "url": url,
        "access_token": access_token,
        "session_seconds": parse_number(seconds),
    }


def _is_room_url(url: Any, *, local: bool) -> bool:
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return False
    with suppress(ValueError):
        parts = urlsplit(url)
        schemes = ("wss", "https", "ws", "http") if local else ("wss", "https")
        return parts.scheme in schemes and bool(parts.hostname)
    return False


def parse_number(value: Any) -> int | float | None:
    """Return a number from 0 that JSON can carry, or None: Python also reads NaN and Infinity."""
    return value if type(value) in (int, float) and 0 <= value < float("inf") else None


def parse_sessions(rows: Any) -> list[dict[str, Any]]:
    """Return ``session_id``, ``status`` and ``age`` (seconds, or None) of each session."""
    rows = rows if isinstance(rows, list) else [None]
    if not all(parse_session_id(row) for row in rows):
        raise UpstreamFailed("The vendor's reply held no list of sessions.")

    return [
        {
            "session_id": parse_session_id(row),
            "status": redact(str(row.get("status") or "live"), ()),  # printed on a terminal
            "age": _age(row.get("created_at")),
        }
        for row in rows
    ]


def _age(created: Any) -> int | None:
    if isinstance(created, str):  # ISO 8601 (guess)
        with suppress(ValueError):
            since = datetime.fromisoformat(created.replace("Z", "+00:00"))
            created = (since if since.tzinfo else since.replace(tzinfo=timezone.utc)).timestamp()
    seconds = parse_number(created)
    if seconds is None or seconds >= _LATEST:
        return None
    return max(0, int(time.time() - seconds))

"""Values from a vendor's data, checked before they are used."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from flask_heygen.errors import UpstreamFailed

from .redaction import redact

#: The characters and length of a session id; UUIDs were seen.
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: The characters and length of a session token that a header can carry; about 130 were seen.
_TOKEN = re.compile(r"[!-~]{1,8192}")
#: Seconds since 1970, in the year 5138; a later time is nonsense.
_LATEST = 1e11


def is_session_id(value: Any) -> bool:
    """Return whether a value may be a session id."""
    return isinstance(value, str) and _SESSION_ID.fullmatch(value) is not None


def parse_session_id(data: Any) -> str | None:
    """Return the session id of a session's data, or None."""
    value = data.get("session_id", data.get("id")) if isinstance(data, dict) else None
    return value if is_session_id(value) else None


def parse_token(data: Any, name: str) -> str | None:
    """Return the session token of that name, or None.

    A token that no header can carry is refused here: http.client's error would quote it.
    """
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def parse_room(url: Any, access_token: Any, seconds: Any) -> dict[str, Any]:
    """Return what a page needs to join the session's LiveKit room, and the session's limit."""
    if not isinstance(url, str) or not isinstance(access_token, str):
        raise UpstreamFailed("The vendor's reply held no room to join.")

    return {
        "transport": "livekit",
        "url": url,
        "access_token": access_token,
        "session_seconds": parse_number(seconds),
    }


def parse_number(value: Any) -> int | float | None:
    """Return a number that JSON can carry, or None: Python also reads NaN and Infinity."""
    return value if type(value) in (int, float) and abs(value) < float("inf") else None


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
    if seconds is None or not 0 <= seconds < _LATEST:
        return None
    return max(0, int(time.time() - seconds))

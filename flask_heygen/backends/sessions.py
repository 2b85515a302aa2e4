"""What a vendor tells of a session, checked before it is used."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from flask_heygen.errors import UpstreamFailed

from .redaction import redact

#: What a session id may look like (a UUID was seen) before it is used anywhere.
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
#: What a session token may look like; some 130 characters were seen.
_TOKEN = re.compile(r"[!-~]{1,8192}")
#: Seconds since 1970, in the year 5138; a later time is none.
_LATEST = 1e11


def parse_session_id(told: Any) -> str | None:
    """Return the id in what a vendor told of a session, or None."""
    value = told.get("session_id", told.get("id")) if isinstance(told, dict) else None
    return value if isinstance(value, str) and SESSION_ID.fullmatch(value) else None


def parse_token(told: Any, name: str) -> str | None:
    """Return the session token of that name in what a vendor told, or None.

    One that no header can carry is none: the words of that fault would hold it.
    """
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def parse_room(url: Any, access_token: Any, seconds: Any) -> dict[str, Any]:
    """Return what a page needs to join the session's LiveKit room, and how long it may last."""
    if not isinstance(url, str) or not isinstance(access_token, str):
        raise UpstreamFailed("The vendor's reply held no room to join.")

    return {
        "transport": "livekit",
        "url": url,
        "access_token": access_token,
        "session_seconds": number(seconds),
    }


def number(told: Any) -> int | float | None:
    """Return a number that JSON can carry, or None: Python also reads NaN and Infinity."""
    return told if type(told) in (int, float) and abs(told) < float("inf") else None


def live_sessions(listed: Any) -> list[dict[str, Any]]:
    """Return ``session_id``, ``status`` and ``age`` (seconds, or None) of each session listed."""
    rows: list[Any] = listed if isinstance(listed, list) else [None]
    if not all(parse_session_id(row) for row in rows):
        raise UpstreamFailed("The vendor's reply held no list of sessions.")

    return [
        {
            "session_id": parse_session_id(row),
            "status": redact(str(row.get("status") or "live"), ()),  # for a terminal
            "age": _age(row.get("created_at")),
        }
        for row in rows
    ]


def _age(created: Any) -> int | None:
    if isinstance(created, str):  # ISO 8601 (guess)
        with suppress(ValueError):
            since = datetime.fromisoformat(created.replace("Z", "+00:00"))
            created = (since if since.tzinfo else since.replace(tzinfo=timezone.utc)).timestamp()
    since_epoch = number(created)
    if since_epoch is None or not 0 <= since_epoch < _LATEST:
        return None
    return max(0, int(time.time() - since_epoch))

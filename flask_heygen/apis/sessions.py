"""What HeyGen tells of a session, checked before it is used."""

from __future__ import annotations

import re
import time
from typing import Any

from flask_heygen.errors import UpstreamFailed

#: What a session id may look like (a UUID was seen) before it is used anywhere.
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def session_id_of(told: Any) -> str | None:
    """Return the id in what HeyGen told of a session, or None."""
    value = told.get("session_id") if isinstance(told, dict) else None
    return value if isinstance(value, str) and SESSION_ID.fullmatch(value) else None


def room_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return what a page needs to join the session's LiveKit room, and how long it may last."""
    url, access_token = told.get("url"), told.get("access_token")
    if not isinstance(url, str) or not isinstance(access_token, str):
        raise UpstreamFailed("HeyGen's reply held no room to join.")

    return {
        "transport": "livekit",
        "url": url,
        "access_token": access_token,
        "session_seconds": number(told.get("session_duration_limit")),
    }


def number(told: Any) -> int | float | None:
    """Return a number that JSON can carry, or None: Python also reads NaN and Infinity."""
    return told if type(told) in (int, float) and abs(told) < float("inf") else None


def live_sessions(told: Any) -> list[dict[str, Any]]:
    """Return ``session_id``, ``status`` and ``age`` (seconds, or None) of each session listed.

    Facts: docs.heygen.com/reference/list-sessions, and one reply that was seen.
    """
    listed = told.get("sessions") if isinstance(told, dict) else None
    if not isinstance(listed, list) or not all(session_id_of(each) for each in listed):
        raise UpstreamFailed("HeyGen's reply held no list of sessions.")

    return [
        {
            "session_id": each["session_id"],
            "status": str(each.get("status") or "?"),
            "age": _age(each.get("created_at")),
        }
        for each in listed
    ]


def _age(created: Any) -> int | None:
    since = number(created)
    return None if since is None else max(0, int(time.time() - since))

"""The rows and pages of LiveAvatar's lists (doc)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from aiohttp import web

from flask_heygen.simulator.clock import Clock
from flask_heygen.simulator.models import Session
from flask_heygen.simulator.responses import liveavatar_success

from . import schemas


def session_row(clock: Clock, session: Session) -> dict[str, object]:
    """Describe a session, which has no status (openapi)."""
    seconds = session.seconds(clock.now())
    row: dict[str, object] = {
        "id": session.session_id,
        "created_at": _iso(clock.unix(session.created_at)),
        "updated_at": _iso(clock.unix(session.active_at)),
        "duration": int(seconds),
        "source": "API",
        "mode": "FULL",
        "is_sandbox": bool(session.options.get("is_sandbox")),
        "credits_consumed": round(seconds * session.credits_per_second, 2),
    }
    if session.closed_at is not None:
        row |= {"end_at": _iso(clock.unix(session.closed_at)), "end_reason": session.end_reason}
    return row


def page(request: web.Request, rows: Sequence[dict[str, object]]) -> web.Response:
    """Respond with a page of a list, and the URLs (guess: whole ones) of its neighbours."""
    size = schemas.parse_integer(request.query, "page_size", 20, range(1, 101))
    number = schemas.parse_integer(request.query, "page", 1, range(1, 1_000_001))
    start = (number - 1) * size

    def page_url(other: int, *, exists: bool) -> str | None:
        url = request.url.update_query(page_size=size, page=other)
        return str(url) if exists else None

    return liveavatar_success(
        {
            "count": len(rows),
            "next": page_url(number + 1, exists=start + size < len(rows)),
            "previous": page_url(number - 1, exists=number > 1),
            "results": list(rows[start : start + size]),
        }
    )


def transcript(
    clock: Clock, session: Session, entries: Iterable[tuple[str, str, float]], start: int, end: int
) -> dict[str, object]:
    """Describe what was said between two timestamps, which are Unix seconds (guess)."""
    rows = [
        {
            "role": role,
            "transcript": text,
            "absolute_timestamp": clock.unix(moment),
            "relative_timestamp": int(moment - session.created_at),
        }
        for role, text, moment in entries
        if start <= clock.unix(moment) <= end
    ]
    active = session.state != "closed"
    return {"session_active": active, "next_timestamp": None, "transcript_data": rows}


def _iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, timezone.utc).isoformat().replace("+00:00", "Z")

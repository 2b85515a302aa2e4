"""What LiveAvatar tells of sessions when it is asked: its list, and what was said in one (doc)."""

from collections.abc import Sequence
from datetime import datetime, timezone

from flask_heygen.simulator.clock import Clock
from flask_heygen.simulator.records import Session

_CREDITS_PER_SECOND = 2 / 60


def row(clock: Clock, session: Session) -> dict[str, object]:
    """Describe a live session."""
    seconds = clock.now() - session.created_at
    sandbox = bool(session.options.get("is_sandbox"))
    return {
        "id": session.session_id,
        "created_at": _iso(clock.unix(session.created_at)),
        "updated_at": _iso(clock.unix(session.active_at)),
        "duration": int(seconds),
        "source": "API",
        "mode": "FULL",
        "is_sandbox": sandbox,
        "credits_consumed": 0 if sandbox else round(seconds * _CREDITS_PER_SECOND, 2),
    }


def page(
    rows: Sequence[dict[str, object]], address: str, number: int, size: int
) -> dict[str, object]:
    """Cut a page out of a list, with the addresses (guess: whole ones) of those beside it."""
    start = (number - 1) * size

    def beside(other: int, *, there: bool) -> str | None:
        return f"{address}&page_size={size}&page={other}" if there else None

    return {
        "count": len(rows),
        "next": beside(number + 1, there=start + size < len(rows)),
        "previous": beside(number - 1, there=number > 1),
        "results": list(rows[start : start + size]),
    }


def transcript(
    clock: Clock, session: Session, said: Sequence[tuple[str, str, float]]
) -> dict[str, object]:
    """Tell what was said; timestamps are seconds (guess)."""
    return {
        "session_active": session.state != "closed",
        "next_timestamp": None,
        "transcript_data": [
            {
                "role": role,
                "transcript": text,
                "absolute_timestamp": clock.unix(moment),
                "relative_timestamp": int(moment - session.created_at),
            }
            for role, text, moment in said
        ],
    }


def _iso(unix: int) -> str:
    return datetime.fromtimestamp(unix, timezone.utc).isoformat().replace("+00:00", "Z")

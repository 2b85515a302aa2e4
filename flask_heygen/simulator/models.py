"""Frozen records of what the simulator knows, safe to read from any thread.

Times are seconds of `time.monotonic`; the vendor's own (all but those of `Call`) run ahead of it
by what `Simulator.advance` has added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Credits per second of a session, by its API (doc).
CREDIT_RATES = {"streaming": 0.2 / 60, "liveavatar": 2 / 60}


@dataclass(frozen=True)
class Token:
    """A session token, as it was minted."""

    value: str
    minted_at: float
    expires_at: float
    #: The session made with it, if any; LiveAvatar's tokens have theirs from the start.
    session_id: str | None = None
    #: The body of sessions/token, with the options of its session.
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionOptions:
    """The options of a session, requested by either API."""

    #: The body of streaming.new or of sessions/token.
    body: Mapping[str, Any]
    #: None: never closed for idleness.
    idle_seconds: float | None
    session_seconds: float
    language: str = "en"
    #: A multiple of the usual rate of speech.
    rate: float = 1.0
    #: ``streaming`` or ``liveavatar``.
    api: str = "streaming"


@dataclass(frozen=True)
class TaskRequest:
    """A text to speak, requested by either API."""

    session_id: str
    text: str
    task_type: str
    #: Respond only when the text has been spoken.
    sync: bool = False
    #: The id that the caller chose for it.
    task_id: str | None = None


@dataclass(frozen=True)
class Session:
    """A snapshot of a session."""

    session_id: str
    #: The token that made it.
    token: str
    #: The body of streaming.new, or of sessions/token.
    options: Mapping[str, Any]
    #: When it was made; one of LiveAvatar's, when it was started.
    created_at: float
    #: When the idle countdown last started.
    active_at: float
    #: None: never closed for idleness (the deprecated disable_idle_timeout).
    idle_seconds: float | None
    #: When the hard limit closes it.
    ends_at: float
    #: When it closes if no client joins the room; None: one is there, or counts as being there.
    empty_until: float | None
    #: ``new``, ``connecting``, ``connected`` or ``closed``.
    state: str = "new"
    #: ``streaming`` or ``liveavatar``.
    api: str = "streaming"
    language: str = "en"
    #: A multiple of the usual rate of speech.
    rate: float = 1.0
    #: When it was closed.
    closed_at: float | None = None
    #: Why it was closed, in LiveAvatar's words (doc).
    end_reason: str | None = None

    @property
    def closes(self) -> tuple[float, str]:
        """When the session closes if nothing happens, and why (which reason: a guess)."""
        ends = [(self.ends_at, "MAX_DURATION_REACHED")]
        if self.idle_seconds is not None:
            ends.append((self.active_at + self.idle_seconds, "IDLE_TIMEOUT"))
        if self.empty_until is not None:
            ends.append((self.empty_until, "USER_DISCONNECTED"))
        return min(ends)

    @property
    def credits_per_second(self) -> float:
        """The session's cost; the sandbox is free."""
        return 0.0 if self.options.get("is_sandbox") else CREDIT_RATES[self.api]

    def seconds(self, now: float) -> float:
        """Return how long it has lasted."""
        return (now if self.closed_at is None else self.closed_at) - self.created_at


@dataclass(frozen=True)
class Speech:
    """A text that the vendor accepted for the avatar to speak."""

    session_id: str
    task_id: str
    text: str
    #: ``repeat``, ``chat`` or ``talk``.
    task_type: str
    #: The token the task came with; LiveAvatar's, that its session was started with.
    token: str
    #: When it was accepted.
    at: float
    #: How long all of it takes, in milliseconds; estimated from the length of the text if no
    #: client has joined the room.
    duration_ms: float
    #: When the avatar begins, after the speech queued before it.
    begins_at: float
    #: When the avatar falls silent: after the speech queued before it, or where it was cut.
    ends_at: float
    #: Cut short, or dropped from the queue, by an interrupt or the session's end.
    interrupted: bool = False


@dataclass(frozen=True)
class Call:
    """One HTTP call that arrived, successful or not."""

    #: The endpoint's last word, such as ``task``, or LiveAvatar's last two, such as
    #: ``sessions.start``; ``unknown`` for a path that neither API has.
    name: str
    method: str
    path: str
    #: The Bearer token, if one was sent.
    token: str | None
    #: The parsed JSON body; None if there was none or it was not JSON.
    body: Any
    started: float
    #: None while the call is open.
    ended: float | None = None
    #: The status of the response; None until, or unless, one is sent.
    status: int | None = None

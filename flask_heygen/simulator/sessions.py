"""The life of a session: new → connecting → connected → closed.

`start` leads to connecting, and the first client in the room to connected.  The limits are checked
whenever a session is looked at: one past its limit was closed, and silent, from that moment.
"""

import random
import threading
import uuid
from dataclasses import replace

from .clock import Clock
from .config import Config
from .errors import (
    ApiError,
    ConcurrentLimit,
    NoCredits,
    NotInCorrectState,
    SessionDoesNotExist,
    SessionNotFound,
    StateWrong,
)
from .models import Session, SessionOptions, Speech, TaskRequest
from .speech import SpeechQueue


class Sessions:
    """The sessions of the account; every method may be called from any thread."""

    def __init__(self, clock: Clock, config: Config, speech: SpeechQueue) -> None:
        self._clock = clock
        self._config = config
        self._speech = speech
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        # Only these are checked for their limits; the closed ones may be many.
        self._open: set[str] = set()
        self._releasing: dict[str, float] = {}
        # What the closed ones have used up.
        self._credits_used = 0.0

    @property
    def sessions(self) -> dict[str, Session]:
        """Every session by its id, closed ones too."""
        with self._lock:
            self._settle()
            return dict(self._sessions)

    @property
    def live(self) -> list[Session]:
        """The sessions that are not closed, oldest first."""
        with self._lock:
            self._settle()
            return sorted(self._open_sessions(), key=lambda session: session.created_at)

    @property
    def credits_left(self) -> float:
        """The credits that the account has left."""
        with self._lock:
            self._settle()
            return max(0.0, self._credits_at(self._clock.now()))

    def new(self, token: str, options: SessionOptions, session_id: str | None = None) -> Session:
        """Create a session; raises ConcurrentLimit, or NoCredits if a minute cannot be paid."""
        with self._lock:
            self._settle()
            now = self._clock.now()
            self._releasing = {i: until for i, until in self._releasing.items() if until > now}
            if len(self._open) + len(self._releasing) >= self._config.concurrent_limit:
                raise ConcurrentLimit

            session = Session(
                session_id or str(uuid.uuid1(node=random.getrandbits(48) | 1 << 40)),
                token,
                options.body,
                created_at=now,
                active_at=now,
                idle_seconds=options.idle_seconds,
                ends_at=now + options.session_seconds,
                empty_until=None if self._config.joined else now + self._config.empty_seconds,
                api=options.api,
                language=options.language,
                rate=options.rate,
            )
            if self._credits_at(now) < 60 * session.credits_per_second:
                raise NoCredits
            self._open.add(session.session_id)
            self._sessions[session.session_id] = session
            return session

    def start(self, session_id: str) -> Session:
        """Open the session's room."""
        with self._lock:
            session = self._live(session_id)
            if session.state != "new":
                raise StateWrong(session.state)

            empty = session.empty_until is not None
            return self._change(session, state="connecting" if empty else "connected")

    def join(self, session_id: str) -> None:
        """Count the room of a started session as joined."""
        with self._lock:
            session = self._live(session_id)
            if session.state != "connecting":
                raise StateWrong(session.state)

            self.enter(session_id)

    def enter(self, session_id: str) -> None:
        """Note that a client is in the room, which may be before the session has started."""
        with self._lock:
            session = replace(self._live(session_id), empty_until=None)
            self._change(session, state="connected" if session.state == "connecting" else None)

    def leave(self, session_id: str) -> None:
        """Note that the room is empty again; for a closed session, nothing."""
        with self._lock:
            session = self.find_open(session_id)
            if session is not None:
                empty_until = self._clock.now() + self._config.empty_seconds
                self._sessions[session_id] = replace(session, empty_until=empty_until)

    def find_open(self, session_id: str) -> Session | None:
        """Return a session that is not closed."""
        with self._lock:
            self._settle()
            return self._sessions[session_id] if session_id in self._open else None

    def find(self, session_id: str, api: str | None = None) -> Session | None:
        """Return a session, closed or not, perhaps only if it is of an API."""
        with self._lock:
            self._settle()
            session = self._sessions.get(session_id)
            return session if session is None or api in {None, session.api} else None

    def connected(self, session_id: str) -> Session:
        """Return a session with a client in its room; raises an ApiError for any other."""
        with self._lock:
            return self._connected(session_id)

    def task(self, task: TaskRequest, token: str, duration_ms: float | None = None) -> Speech:
        """Make a joined session speak; a duration that is not known is estimated."""
        with self._lock:
            missing = SessionDoesNotExist(session_id=task.session_id)
            self._change(self._connected(task.session_id, missing))
            return self._speech.say(task, token, duration_ms)

    def interrupt(self, session_id: str) -> None:
        """Silence a joined session."""
        with self._lock:
            self._change(self._connected(session_id))
            self._speech.cut(session_id, self._clock.now())

    def keep_alive(self, session_id: str) -> None:
        """Restart the idle countdown."""
        with self._lock:
            self._change(self._live(session_id))

    def close(self, session_id: str, reason: str = "UNKNOWN") -> None:
        """End a session."""
        with self._lock:
            self._end(self._live(session_id), self._clock.now(), reason)

    def reset(self) -> None:
        """Forget every session, and what they used up."""
        with self._lock:
            self._sessions.clear()
            self._open.clear()
            self._releasing.clear()
            self._credits_used = 0.0

    def _open_sessions(self) -> list[Session]:
        return [self._sessions[session_id] for session_id in self._open]

    def _live(self, session_id: str, missing: ApiError | None = None) -> Session:
        self._settle()
        session = self._sessions.get(session_id)
        if session is None:
            raise missing or SessionNotFound
        if session.state == "closed":
            raise StateWrong(session.state)

        return session

    def _connected(self, session_id: str, missing: ApiError | None = None) -> Session:
        session = self._live(session_id, missing)
        if session.state != "connected":
            raise NotInCorrectState

        return session

    def _change(self, session: Session, *, state: str | None = None) -> Session:
        state = state or session.state
        changed = replace(session, state=state, active_at=self._clock.now())
        self._sessions[session.session_id] = changed
        return changed

    def _end(self, session: Session, moment: float, reason: str) -> None:
        self._open.remove(session.session_id)
        self._releasing[session.session_id] = moment + self._config.release_seconds
        ended = replace(session, state="closed", closed_at=moment, end_reason=reason)
        self._sessions[session.session_id] = ended
        self._credits_used += ended.seconds(moment) * ended.credits_per_second
        self._speech.cut(session.session_id, moment)

    def _settle(self) -> None:
        now = self._clock.now()
        for session in self._open_sessions():
            moment, reason = session.closes
            if moment <= now:
                self._end(session, moment, reason)
        missing = -self._credits_at(now)
        paying = [session for session in self._open_sessions() if session.credits_per_second]
        if missing < 0 or not paying:
            return

        # All of them ran out together, at the rate that they have together.
        seconds = missing / sum(session.credits_per_second for session in paying)
        for session in paying:
            self._end(session, now - seconds, "NO_CREDITS")

    def _credits_at(self, now: float) -> float:
        using = sum(each.seconds(now) * each.credits_per_second for each in self._open_sessions())
        return self._config.credits - self._credits_used - using

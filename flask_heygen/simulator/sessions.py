"""The life of a session: new → connecting → connected → closed.

`start` leads to connecting, and somebody in the room to connected.  The limits are looked at
whenever a session is: one past its limit was closed, and silent, from that moment.
"""

import random
import threading
import uuid
from dataclasses import replace

from .clock import Clock
from .parameters import Order
from .records import Session, Speech, Terms
from .refusals import (
    ConcurrentLimit,
    NotInCorrectState,
    Refusal,
    SessionDoesNotExist,
    SessionNotFound,
    StateWrong,
)
from .voice import Voice


class Sessions:
    """The sessions of the one account; every method may be called from any thread."""

    def __init__(
        self,
        clock: Clock,
        voice: Voice,
        *,
        concurrent_limit: int,
        joined: bool,
        empty_seconds: float,
    ) -> None:
        self._clock = clock
        self._voice = voice
        self._concurrent_limit = concurrent_limit
        self._joined = joined
        self._empty_seconds = empty_seconds
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self._open: set[str] = set()

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
            return sorted((self._sessions[i] for i in self._open), key=lambda s: s.created_at)

    def new(self, token: str, terms: Terms, session_id: str | None = None) -> Session:
        """Make a session, if the account may have one more."""
        with self._lock:
            self._settle()
            if len(self._open) >= self._concurrent_limit:
                raise ConcurrentLimit

            now = self._clock.now()
            session = Session(
                session_id or str(uuid.uuid1(node=random.getrandbits(48) | 1 << 40)),
                token,
                terms.options,
                created_at=now,
                active_at=now,
                idle_seconds=terms.idle_seconds,
                ends_at=now + terms.session_seconds,
                empty_until=None if self._joined else now + self._empty_seconds,
                api=terms.api,
                language=terms.language,
                pace=terms.pace,
            )
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
        """Count somebody as being in the room of a started session."""
        with self._lock:
            session = self._live(session_id)
            if session.state != "connecting":
                raise StateWrong(session.state)

            self.enter(session_id)

    def enter(self, session_id: str) -> None:
        """Note that somebody is in the room, which may be before the session has started."""
        with self._lock:
            session = replace(self._live(session_id), empty_until=None)
            self._change(session, state="connected" if session.state == "connecting" else None)

    def leave(self, session_id: str) -> None:
        """Note that nobody is in the room any more; for a closed session, nothing."""
        with self._lock:
            session = self.find_open(session_id)
            if session is not None:
                empty_until = self._clock.now() + self._empty_seconds
                self._sessions[session_id] = replace(session, empty_until=empty_until)

    def find_open(self, session_id: str) -> Session | None:
        """Look for a session that is not closed."""
        with self._lock:
            self._settle()
            return self._sessions[session_id] if session_id in self._open else None

    def find(self, session_id: str) -> Session | None:
        """Look for a session, closed or not."""
        with self._lock:
            self._settle()
            return self._sessions.get(session_id)

    def connected(self, session_id: str) -> Session:
        """Look for a session with somebody in its room; raises a Refusal if it is not one."""
        with self._lock:
            return self._connected(session_id)

    def task(self, order: Order, token: str, duration_ms: float | None = None) -> Speech:
        """Have a joined session speak; how long that takes is estimated where it is not known."""
        with self._lock:
            missing = SessionDoesNotExist(order.session_id)
            self._change(self._connected(order.session_id, missing))
            return self._voice.say(order, token, duration_ms)

    def interrupt(self, session_id: str) -> None:
        """Silence a joined session."""
        with self._lock:
            self._change(self._connected(session_id))
            self._voice.cut(session_id, self._clock.now())

    def keep_alive(self, session_id: str) -> None:
        """Begin the idle countdown anew."""
        with self._lock:
            self._change(self._live(session_id))

    def close(self, session_id: str, reason: str = "UNKNOWN") -> None:
        """End a session."""
        with self._lock:
            self._end(self._live(session_id), self._clock.now(), reason)

    def reset(self) -> None:
        """Forget every session."""
        with self._lock:
            self._sessions.clear()
            self._open.clear()

    def _live(self, session_id: str, missing: Refusal | None = None) -> Session:
        self._settle()
        session = self._sessions.get(session_id)
        if session is None:
            raise missing or SessionNotFound
        if session.state == "closed":
            raise StateWrong(session.state)

        return session

    def _connected(self, session_id: str, missing: Refusal | None = None) -> Session:
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
        ended = replace(session, state="closed", end_reason=reason)
        self._sessions[session.session_id] = ended
        self._voice.cut(session.session_id, moment)

    def _settle(self) -> None:
        now = self._clock.now()
        for session in [self._sessions[session_id] for session_id in self._open]:
            if session.closes_at <= now:
                self._end(session, *session.closes)

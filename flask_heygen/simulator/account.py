"""The account at the vendor: the state that both APIs share."""

from typing import Protocol

from .auth import AccessTokens, SessionTokens, joinable
from .clock import Clock
from .config import Config
from .fault_queue import FaultQueue
from .rate_limiter import RateLimiter
from .request_log import RequestLog
from .rooms import RoomManager
from .sessions import Sessions
from .speech import SpeechQueue


class Resettable(Protocol):
    """A part of the account whose state can be reset."""

    def reset(self) -> None:
        """Forget everything."""


class Account:
    """One account: key, sessions, limits and clock are the same for both APIs."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = Clock()
        self.log = RequestLog()
        self.faults = FaultQueue()
        self.rate_limiter = RateLimiter(self.clock, config)
        self.speech = SpeechQueue(self.clock, config)
        self.sessions = Sessions(self.clock, config, self.speech)
        self.rooms = RoomManager(self.sessions, config)
        self.access_tokens = AccessTokens(self.clock)
        #: By API: neither takes the other's tokens.
        self.tokens = {
            api: SessionTokens(self.clock, config) for api in ("streaming", "liveavatar")
        }
        #: What `reset` resets; each API adds its own.
        self.parts: list[Resettable] = [
            *(self.faults, self.rate_limiter, self.log, self.sessions, self.speech, self.rooms),
            *self.tokens.values(),
        ]

    def events(self, session_id: str) -> tuple[dict[str, object], ...]:
        """Return the events of a session's room; none if there is no such session."""
        session = self.sessions.find(session_id)
        return () if session is None else self.rooms.protocol(session).events()

    def preload_rooms(self) -> None:
        """Import the modules of rooms in the background, as a client is about to join one."""
        if joinable():
            self.rooms.preload()

    def reset(self) -> None:
        """Forget sessions, tokens, speech, calls and faults."""
        for part in self.parts:
            part.reset()

"""Which session has which agent, or, of the streaming API, none."""

import threading
import uuid
from collections.abc import Iterator

from flask_heygen.simulator.clock import Clock
from flask_heygen.simulator.records import Session
from flask_heygen.simulator.script import Message, Script
from flask_heygen.simulator.sessions import Sessions
from flask_heygen.simulator.voice import Voice

from .agent import Agent, Heed


class Agents:
    """The agents; every method may be called from any thread."""

    def __init__(
        self, clock: Clock, sessions: Sessions, voice: Voice, *, agent_seconds: float
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._voice = voice
        self._agent_seconds = agent_seconds
        self._heed: Heed = lambda _session_id, _event: None
        self._lock = threading.Lock()
        self._agents: dict[str, Agent] = {}

    def obeyed_by(self, heed: Heed) -> None:
        """Hand what pages publish to somebody."""
        self._heed = heed

    def agent(self, session: Session) -> Agent:
        """Give a session's agent."""
        with self._lock:
            if session.session_id not in self._agents:
                agent = Agent(self._clock, self._voice, self._heed, session, self._agent_seconds)
                self._agents[session.session_id] = agent
            return self._agents[session.session_id]

    def script(self, session: Session) -> Script:
        """Give what a session's room speaks by."""
        return self.agent(session) if session.api == "liveavatar" else _Unaided()

    def events(self, session_id: str) -> tuple[dict[str, object], ...]:
        """Give every event of a session so far; none for one that LiveAvatar does not have."""
        session = self._sessions.find(session_id)
        if session is None or session.api != "liveavatar":
            return ()

        agent = self.agent(session)
        if session.end_reason is not None:
            list(agent.farewell(session.end_reason))
        return agent.events()

    def reset(self) -> None:
        """Forget every agent."""
        with self._lock:
            self._agents.clear()


class _Unaided:
    """The script of the streaming API's rooms: the avatar is there from the start, and alone."""

    topic = ""
    companion = ""

    def present(self) -> bool:
        """Tell that it always is there."""
        return True

    def lines(self, message: Message) -> Iterator[Message]:
        """Tell it as it is."""
        yield message

    def heard(self, text: str) -> Iterator[Message]:
        """Tell what a user said, and that it was all."""
        task_id = str(uuid.uuid4())
        yield {"type": "user_talking_message", "task_id": task_id, "message": text}
        yield {"type": "user_end_message", "task_id": task_id}

    def heed(self, topic: str, payload: bytes) -> None:
        """Let it pass: commands come over HTTP."""

    def farewell(self, _reason: str) -> Iterator[Message]:
        """Tell nothing: the room is deleted."""
        return iter(())

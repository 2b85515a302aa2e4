"""The agent of one session: the events of the topic agent-response (doc)."""

import asyncio
import json
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

from flask_heygen.simulator.account import Account
from flask_heygen.simulator.errors import ApiError
from flask_heygen.simulator.models import Session, Speech
from flask_heygen.simulator.room_protocol import Message, RoomProtocol

#: LiveKit's topics of what the page sends and receives.
CONTROL, RESPONSE = "agent-control", "agent-response"
#: The agent's identity is this and the session's id (sdk).
IDENTITY_PREFIX = "liveavatar-agent-"

#: Executes what a page published: the session's id, and the event.
Execute = Callable[[str, dict[str, Any]], Coroutine[None, None, None]]
_EVENT_TYPES = {
    "avatar_start_talking": "avatar.speak_started",
    "avatar_talking_message": "avatar.transcription.chunk",
    "avatar_stop_talking": "avatar.speak_ended",
}


class Agent(RoomProtocol):
    """A session's agent, which is the protocol of its room.

    Every method but `on_…` and `user_…` may be called from any thread.
    """

    topic = RESPONSE

    def __init__(
        self, account: Account, session: Session, execute: Execute, opening_text: str
    ) -> None:
        self.agent_identity = IDENTITY_PREFIX + session.session_id
        #: Role, text and time of what was said.
        self.transcript: list[tuple[str, str, float]] = []
        persona = session.options.get("avatar_persona") or {}
        #: Whether it answers; without a context or an agent it is in restricted mode (doc).
        self.has_model = bool(persona.get("context_id") or session.options.get("voice_agent"))
        self.push_to_talk = session.options.get("interactivity_type") == "PUSH_TO_TALK"
        #: Whether push-to-talk is on.
        self.talking = False
        self._opening_text = opening_text
        self._account = account
        self._execute = execute
        self._executing: set[asyncio.Task[None]] = set()
        self._session_id = session.session_id
        self._joins_at = session.created_at + account.config.agent_seconds
        self._lock = threading.RLock()
        self._events: list[dict[str, object]] = []
        self._sources: dict[str, str | None] = {}
        # What is spoken in a room that no client has joined, and whether it has begun.
        self._unheard: dict[str, bool] = {}

    def avatar_joined(self) -> bool:
        """Return whether the agent and the avatar have joined the room."""
        return self._account.clock.now() >= self._joins_at

    def on_avatar_joined(self) -> None:
        """Speak the opening text of the session's context (doc)."""
        if self._opening_text:
            self._schedule({"event_type": "avatar.speak_text", "text": self._opening_text})

    def events(self) -> tuple[dict[str, object], ...]:
        """Return every event so far."""
        with self._lock:
            self._catch_up()
            session = self._account.sessions.find(self._session_id)
            if session is not None and session.end_reason is not None:
                list(self.closing_messages(session.end_reason))
            return tuple(self._events)

    def speak(self, speech: Speech, source: str | None, *, heard: bool) -> Message:
        """Note a text that is going to be spoken; its words are sent at once (doc)."""
        with self._lock:
            self._catch_up()
            self._sources[speech.task_id] = source
            if not heard:
                self._unheard[speech.task_id] = False
            self.transcript.append(("avatar", speech.text, speech.at))
            return self.note("avatar.transcription", source, text=speech.text)

    def translate(self, message: Message) -> Iterator[Message]:
        """Translate beginning, words and end of what the avatar speaks."""
        kind = _EVENT_TYPES.get(str(message["type"]))
        if kind is not None:
            more = {"text": message["message"]} if "message" in message else {}
            with self._lock:
                yield self.note(kind, self._sources.get(str(message["task_id"])), **more)

    def listens(self) -> bool:
        """Return whether it listens, which with push-to-talk a page decides."""
        return self.talking or not self.push_to_talk

    def user_started(self) -> Iterator[Message]:
        """Note that a user begins to speak, which interrupts, except with push-to-talk (doc).

        What is spoken and what is queued end as by a page's command (guess).
        """
        yield self.note("user.speak_started")
        if not self.push_to_talk:
            self._schedule({"event_type": "avatar.interrupt"})

    def user_said(self, text: str) -> Iterator[Message]:
        """Note what a user said; with a model, the avatar answers that it heard it."""
        with self._lock:
            self._catch_up()
            self.transcript.append(("user", text, self._account.clock.now()))
            yield self.note("user.transcription.chunk", text=text)
            yield self.note("user.transcription", text=text)
            yield self.note("user.speak_ended")
        if self.has_model:
            self._schedule({"event_type": "avatar.speak_response", "text": text, "heard": True})

    def on_data(self, topic: str, payload: bytes) -> None:
        """Execute what a page published, if it is an event."""
        if topic != CONTROL:
            return
        with suppress(ValueError, RecursionError):
            event = json.loads(payload)
            if isinstance(event, dict):
                self._schedule(event)

    def closing_messages(self, reason: str) -> Iterator[Message]:
        """Note once that the session has ended; the reason has two names (doc, sdk)."""
        with self._lock:
            self._catch_up()
            stopped = [each for each in self._events if each["event_type"] == "session.stopped"]
            if not stopped:
                stopped = [self.note("session.stopped", end_reason=reason, stop_reason=reason)]
            yield from stopped

    def note(self, kind: str, source: str | None = None, **more: object) -> dict[str, object]:
        """Add an event; one without a source has no source_event_id, which is not null (live)."""
        event: dict[str, object] = {
            "event_id": str(uuid.uuid4()),
            "event_type": kind,
            "session_id": self._session_id,
            **({} if source is None else {"source_event_id": source}),
            **more,
        }
        with self._lock:
            self._events.append(event)
        return event

    def _catch_up(self) -> None:
        """Note what has begun and ended of what is not played in a room."""
        now = self._account.clock.now()
        for task_id, begun in list(self._unheard.items()):
            speech = self._account.speech.find(task_id)
            if speech is None or (speech.interrupted and speech.ends_at <= speech.begins_at):
                del self._unheard[task_id]
                continue
            if speech.begins_at > now:
                break
            if not begun:
                self._unheard[task_id] = True
                self.note("avatar.speak_started", self._sources[task_id])
            if speech.ends_at > now:
                break
            del self._unheard[task_id]
            self.note("avatar.speak_ended", self._sources[task_id])

    def _schedule(self, event: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self._try(event))
        self._executing.add(task)
        task.add_done_callback(self._executing.discard)

    async def _try(self, event: dict[str, Any]) -> None:
        with suppress(ApiError):
            await self._execute(self._session_id, event)

"""What LiveAvatar tells of one session: the events of the topic agent-response (doc)."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from flask_heygen.simulator.clock import Clock
from flask_heygen.simulator.records import Session, Speech
from flask_heygen.simulator.script import Message
from flask_heygen.simulator.voice import Voice

#: LiveKit's topics for what the page tells, and what it is told.
CONTROL, RESPONSE = "agent-control", "agent-response"
#: Who drives the avatar: a participant of its own, by this and the session's id (sdk).
PREFIX = "liveavatar-agent-"

#: Takes what a page published: the session's id, and the event.
Heed = Callable[[str, dict[str, Any]], object]
_KINDS = {
    "avatar_start_talking": "avatar.speak_started",
    "avatar_stop_talking": "avatar.speak_ended",
}


class Agent:
    """A session's agent: its log, and the script of its room; but for `heed`, for any thread."""

    topic = RESPONSE

    def __init__(
        self, clock: Clock, voice: Voice, heed: Heed, session: Session, agent_seconds: float
    ) -> None:
        self.companion = PREFIX + session.session_id
        #: Role, text and moment of what was said.
        self.transcript: list[tuple[str, str, float]] = []
        self._clock = clock
        self._voice = voice
        self._heed = heed
        self._session_id = session.session_id
        self._joins_at = session.created_at + agent_seconds
        self._lock = threading.RLock()
        self._events: list[dict[str, object]] = []
        self._sources: dict[str, str | None] = {}
        # What is spoken where nobody has entered the room, and whether it has begun.
        self._unheard: dict[str, bool] = {}
        self._stopped = False

    def present(self) -> bool:
        """Tell whether it and the avatar have joined the room."""
        return self._clock.now() >= self._joins_at

    def events(self) -> tuple[dict[str, object], ...]:
        """Give every event so far."""
        with self._lock:
            self._catch_up()
            return tuple(self._events)

    def speak(self, speech: Speech, source: str | None, *, heard: bool) -> Message:
        """Tell the words that are going to be spoken, which comes at once (doc)."""
        with self._lock:
            self._catch_up()
            self._sources[speech.task_id] = source
            if not heard:
                self._unheard[speech.task_id] = False
            self.transcript.append(("avatar", speech.text, speech.at))
            return self._note("avatar.transcription", source, text=speech.text)

    def lines(self, message: Message) -> Iterator[Message]:
        """Tell that the avatar begins or ends to speak."""
        kind = _KINDS.get(str(message["type"]))
        if kind is not None:
            with self._lock:
                yield self._note(kind, self._sources.get(str(message["task_id"])))

    def heard(self, text: str) -> Iterator[Message]:
        """Tell what a user said; the simulated agent has no answer to it."""
        with self._lock:
            self._catch_up()
            self.transcript.append(("user", text, self._clock.now()))
            yield self._note("user.speak_started", None)
            yield self._note("user.speak_ended", None)
            yield self._note("user.transcription", None, text=text)

    def heed(self, topic: str, payload: bytes) -> None:
        """Take what a page published; what is no event is not heeded."""
        if topic != CONTROL:
            return
        with suppress(ValueError, RecursionError):
            event = json.loads(payload)
            if isinstance(event, dict):
                self._heed(self._session_id, event)

    def farewell(self, reason: str) -> Iterator[Message]:
        """Tell once that the session has ended; the reason has two names (doc, sdk)."""
        with self._lock:
            self._catch_up()
            if not self._stopped:
                self._stopped = True
                self._note("session.stopped", None, end_reason=reason, stop_reason=reason)
            yield next(each for each in self._events if each["event_type"] == "session.stopped")

    def _catch_up(self) -> None:
        """Note what has begun and ended of what nobody hears."""
        now = self._clock.now()
        for task_id, begun in list(self._unheard.items()):
            speech = self._voice.find(task_id)
            if speech is None or (speech.interrupted and speech.ends_at <= speech.begins_at):
                del self._unheard[task_id]
                continue
            if speech.begins_at > now:
                break
            if not begun:
                self._unheard[task_id] = True
                self._note("avatar.speak_started", self._sources[task_id])
            if speech.ends_at > now:
                break
            del self._unheard[task_id]
            self._note("avatar.speak_ended", self._sources[task_id])

    def _note(self, kind: str, source: str | None, **more: object) -> dict[str, object]:
        event: dict[str, object] = {
            "event_id": str(uuid.uuid4()),
            "event_type": kind,
            "session_id": self._session_id,
            "source_event_id": source,
            **more,
        }
        self._events.append(event)
        return event

"""The queues of texts that avatars speak, with the times at which each begins and ends."""

import threading
import uuid
from collections import defaultdict, deque
from dataclasses import replace

from .clock import Clock
from .config import Config
from .models import Speech, TaskRequest


class SpeechQueue:
    """Each session's queue of texts; every method may be called from any thread."""

    def __init__(self, clock: Clock, config: Config) -> None:
        self._clock = clock
        self._config = config
        self._lock = threading.Lock()
        self._spoken: dict[str, Speech] = {}
        # What a session has yet to finish, so that no task searches all that was ever said.
        self._queues: defaultdict[str, deque[str]] = defaultdict(deque)

    @property
    def spoken(self) -> tuple[Speech, ...]:
        """Every accepted text, in the order they came in."""
        with self._lock:
            return tuple(self._spoken.values())

    def say(self, task: TaskRequest, token: str, duration_ms: float | None = None) -> Speech:
        """Queue a text behind those that its session has yet to finish."""
        if duration_ms is None:
            duration_ms = float(len(task.text) * self._config.ms_per_character)
        with self._lock:
            now = self._clock.now()
            queue = self._queues[task.session_id]
            while queue and self._spoken[queue[0]].ends_at <= now:
                queue.popleft()
            begins = self._spoken[queue[-1]].ends_at if queue else now
            task_id = task.task_id or str(uuid.uuid4())
            speech = Speech(
                task.session_id,
                str(uuid.uuid4()) if task_id in self._spoken else task_id,
                task.text,
                task.task_type,
                token,
                at=now,
                begins_at=begins,
                duration_ms=duration_ms,
                ends_at=begins + duration_ms / 1000,
            )
            self._spoken[speech.task_id] = speech
            queue.append(speech.task_id)
            return speech

    def find(self, task_id: str) -> Speech | None:
        """Return a text by its task."""
        with self._lock:
            return self._spoken.get(task_id)

    def cut(self, session_id: str, moment: float) -> None:
        """Silence a session at a moment, and drop its queue."""
        with self._lock:
            for task_id in self._queues.pop(session_id, ()):
                speech = self._spoken[task_id]
                if speech.ends_at > moment:
                    self._spoken[task_id] = replace(speech, ends_at=moment, interrupted=True)

    def seconds_left(self, task_id: str) -> float:
        """Return how long a task will yet be spoken or queued; not above 0 once it is silent."""
        speech = self.find(task_id)
        return speech.ends_at - self._clock.now() if speech else 0.0

    def reset(self) -> None:
        """Forget all that was spoken."""
        with self._lock:
            self._spoken.clear()
            self._queues.clear()

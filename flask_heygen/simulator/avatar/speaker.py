"""The avatar's speech: a queue of texts, sent block by block."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from flask_heygen.simulator.room_protocol import Message

from .sound import SILENCE, Sound, milliseconds

# Which part of its way to a new position the mouth takes in a block.
_SMOOTHING = 0.55


@dataclass
class _Utterance:
    task_id: str
    sound: Sound
    #: How many of its blocks were sent.
    sent: int = 0


class Speaker:
    """A queue of texts; `emit` is called with a v1 message for each thing that happens."""

    def __init__(self, emit: Callable[[Message], object]) -> None:
        self._emit = emit
        self._queue: deque[_Utterance] = deque()
        self._current: _Utterance | None = None
        #: How far the mouth is open, from 0 to 1.
        self.level = 0.0

    @property
    def speaking(self) -> bool:
        """True while a text is being spoken."""
        return self._current is not None

    def say(self, task_id: str, sound: Sound) -> None:
        """Queue a text."""
        self._queue.append(_Utterance(task_id, sound))

    def interrupt(self) -> None:
        """End the current text and drop the queue; nothing is emitted for the queue (guess)."""
        self._queue.clear()
        if self._current is not None:
            self._stop(self._current)

    def abort(self) -> None:
        """Stop without emitting anything, like an avatar that crashed."""
        self._queue.clear()
        self._current = None

    def next_block(self) -> bytes:
        """Return the next block of samples, and emit what begins or ends with it."""
        if self._current is None and self._queue:
            self._current = self._queue.popleft()
            self._message(self._current, "avatar_start_talking")
        if self._current is None:
            self._move(0.0)
            return SILENCE

        return self._next(self._current)

    def _next(self, utterance: _Utterance) -> bytes:
        at, sound = utterance.sent, utterance.sound
        for start, word in sound.words:
            if start == at:
                self._message(utterance, "avatar_talking_message", message=word)
        if at == len(sound.blocks):
            self._message(utterance, "avatar_end_message")
            self._stop(utterance)
            return SILENCE

        utterance.sent += 1
        self._move(sound.levels[at])
        return sound.blocks[at]

    def _stop(self, utterance: _Utterance) -> None:
        self._current = None
        self._message(utterance, "avatar_stop_talking", duration_ms=milliseconds(utterance.sent))

    def _move(self, level: float) -> None:
        self.level += (level - self.level) * _SMOOTHING

    def _message(self, utterance: _Utterance, kind: str, **more: object) -> None:
        self._emit({"type": kind, "task_id": utterance.task_id, **more})

"""What the avatar is saying: one text after the other, in blocks of sound."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from flask_heygen.simulator.script import Message

from .sound import SILENCE, Sound, milliseconds

# How much of its way to a new position the mouth takes in a block.
_HASTE = 0.55


@dataclass
class _Speech:
    task_id: str
    sound: Sound
    #: How many blocks of it were heard.
    heard: int = 0


class Speaker:
    """A queue of speech, and where in it we are; `tell` is given every data message."""

    def __init__(self, tell: Callable[[Message], object]) -> None:
        self._tell = tell
        self._queue: deque[_Speech] = deque()
        self._current: _Speech | None = None
        #: How far the mouth is open, from 0 to 1.
        self.level = 0.0

    @property
    def speaking(self) -> bool:
        """Whether a text has begun and not ended."""
        return self._current is not None

    def say(self, task_id: str, sound: Sound) -> None:
        """Queue a text."""
        self._queue.append(_Speech(task_id, sound))

    def interrupt(self) -> None:
        """Fall silent, and forget what is queued; what had not begun is not told of (guess)."""
        self._queue.clear()
        if self._current is not None:
            self._stop(self._current)

    def block(self) -> bytes:
        """Give the next block of sound, and tell what begins or ends with it."""
        if self._current is None and self._queue:
            self._current = self._queue.popleft()
            self._message(self._current, "avatar_start_talking")
        if self._current is None:
            self._move(0.0)
            return SILENCE

        return self._next(self._current)

    def _next(self, speech: _Speech) -> bytes:
        at, sound = speech.heard, speech.sound
        for moment, message in sound.captions:
            if moment == at:
                self._message(speech, "avatar_talking_message", message=message)
        if at == len(sound.blocks):
            self._message(speech, "avatar_end_message")
            self._stop(speech)
            return SILENCE

        speech.heard += 1
        self._move(sound.levels[at])
        return sound.blocks[at]

    def _stop(self, speech: _Speech) -> None:
        self._current = None
        self._message(speech, "avatar_stop_talking", duration_ms=milliseconds(speech.heard))

    def _move(self, level: float) -> None:
        self.level += (level - self.level) * _HASTE

    def _message(self, speech: _Speech, kind: str, **more: object) -> None:
        self._tell({"type": kind, "task_id": speech.task_id, **more})

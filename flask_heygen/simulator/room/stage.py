"""The avatar on stage: its voice and face, block by block, to everybody who is there."""

import asyncio
from collections.abc import Callable, Iterable

from .sheet import LIDS, MOUTHS, sheet
from .sound import BLOCK, RATE, SILENCE
from .speaker import Speaker
from .tracks import FPS, Track, audio_frame, video_frame

_BLOCK_SECONDS = BLOCK / RATE
_BLOCKS_PER_PICTURE = RATE // BLOCK // FPS
# What a busy machine may make up for; time lost beyond it is let go.
_LAG_SECONDS = 0.2
# The positions of the lids in the pictures after a blink began.
_BLINK = (1, len(LIDS) - 1, len(LIDS) - 1, 1)
_PICTURES_PER_BLINK = 93


class Stage:
    """One clock for voice and face, so that the mouth moves with the words."""

    def __init__(
        self,
        speaker: Speaker,
        viewers: Callable[[], Iterable[tuple[Track, Track]]],
        ready: Callable[[], bool],
    ) -> None:
        self._speaker = speaker
        self._viewers = viewers
        self._ready = ready

    async def perform(self) -> None:
        """Send what is to be heard and seen, until cancelled."""
        loop = asyncio.get_running_loop()
        due, number = loop.time(), 0
        while True:
            due = max(due + _BLOCK_SECONDS, loop.time() - _LAG_SECONDS)
            await asyncio.sleep(due - loop.time())
            self._send(number)
            number += 1

    def _send(self, number: int) -> None:
        speaks = self._speaker.speaking or self._ready()
        sound = audio_frame(self._speaker.block() if speaks else SILENCE, number)
        viewers = list(self._viewers())
        for voice, _ in viewers:
            voice.feed(sound)
        if number % _BLOCKS_PER_PICTURE or not viewers:
            return

        shown = number // _BLOCKS_PER_PICTURE
        mouth = round(self._speaker.level * (MOUTHS - 1))
        picture = video_frame(sheet()[mouth, _lid(shown)], shown)
        for _, face in viewers:
            face.feed(picture)


def _lid(picture: int) -> int:
    since = picture % _PICTURES_PER_BLINK
    return _BLINK[since] if since < len(_BLINK) else 0

"""The avatar's audio and video: one clock for both, so that the mouth moves with the words."""

import asyncio
from collections.abc import Callable, Iterable
from fractions import Fraction

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from .sound import BLOCK, SAMPLE_RATE, SILENCE
from .speaker import Speaker
from .sprites import LIDS, MOUTHS, SIZE, Planes, sprites

_VIDEO_CLOCK = 90_000
_BLOCK_SECONDS = BLOCK / SAMPLE_RATE
_BLOCKS_PER_SECOND = SAMPLE_RATE // BLOCK
# A busy machine catches up this much; time lost beyond it is skipped.
_MAX_LAG_SECONDS = 0.2
# The positions of the lids in the blocks after a blink began.
_BLINK = (1, 1, *[LIDS - 1] * 4, 1, 1)
_BLOCKS_PER_BLINK = 186


class Track(MediaStreamTrack):
    """A track to one viewer; one who does not keep up misses the oldest frames."""

    def __init__(self, kind: str, size: int) -> None:
        super().__init__()
        self.kind = kind
        self._frames: asyncio.Queue[AudioFrame | VideoFrame] = asyncio.Queue(size)

    def send(self, frame: AudioFrame | VideoFrame) -> None:
        """Queue a frame."""
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(frame)

    async def recv(self) -> AudioFrame | VideoFrame:
        """Return the next frame; called by aiortc."""
        if self.readyState != "live":
            raise MediaStreamError

        return await self._frames.get()


def audio_track() -> Track:
    """Make a track for blocks of samples."""
    return Track("audio", size=10)


def video_track() -> Track:
    """Make a track for pictures."""
    return Track("video", size=2)


class MediaLoop:
    """Sends a block of samples every 20 ms, and as many pictures a second as `frame_rate` says.

    `ready` says whether a queued text may begin.
    """

    def __init__(
        self,
        speaker: Speaker,
        viewers: Callable[[], Iterable[tuple[Track, Track]]],
        ready: Callable[[], bool],
        frame_rate: int,
    ) -> None:
        self._speaker = speaker
        self._viewers = viewers
        self._ready = ready
        self._frame_rate = frame_rate

    async def run(self) -> None:
        """Send until cancelled."""
        loop = asyncio.get_running_loop()
        due, number = loop.time(), 0
        while True:
            due = max(due + _BLOCK_SECONDS, loop.time() - _MAX_LAG_SECONDS)
            await asyncio.sleep(due - loop.time())
            self._send(number)
            number += 1

    def _send(self, number: int) -> None:
        may_speak = self._speaker.speaking or self._ready()
        samples = _audio_frame(self._speaker.next_block() if may_speak else SILENCE, number)
        viewers = list(self._viewers())
        for audio, _ in viewers:
            audio.send(samples)
        if not viewers or self._pictures(number) == self._pictures(number - 1):
            return

        mouth = round(self._speaker.level * (MOUTHS - 1))
        picture = _video_frame(sprites()[mouth, _lid(number)], number)
        for _, video in viewers:
            video.send(picture)

    def _pictures(self, blocks: int) -> int:
        return blocks * self._frame_rate // _BLOCKS_PER_SECOND


def _lid(block: int) -> int:
    since = block % _BLOCKS_PER_BLINK
    return _BLINK[since] if since < len(_BLINK) else 0


def _audio_frame(block: bytes, number: int) -> AudioFrame:
    frame = AudioFrame(format="s16", layout="mono", samples=BLOCK)
    frame.planes[0].update(block)
    frame.sample_rate = SAMPLE_RATE
    frame.pts = number * BLOCK
    frame.time_base = Fraction(1, SAMPLE_RATE)
    return frame


def _video_frame(planes: Planes, number: int) -> VideoFrame:
    frame = VideoFrame(*SIZE, "yuv420p")
    for plane, content in zip(frame.planes, planes, strict=True):
        plane.update(content)
    frame.pts = number * _VIDEO_CLOCK // _BLOCKS_PER_SECOND
    frame.time_base = Fraction(1, _VIDEO_CLOCK)
    return frame

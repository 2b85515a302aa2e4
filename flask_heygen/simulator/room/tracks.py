"""The avatar's voice and face on their way to one viewer."""

import asyncio
from fractions import Fraction

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from . import portrait
from .sheet import Planes
from .sound import BLOCK, RATE

#: Frames a second.
FPS = 25
_VIDEO_CLOCK = 90_000


class Track(MediaStreamTrack):
    """A track that is fed; a viewer who does not keep up misses the oldest."""

    def __init__(self, kind: str, room_for: int) -> None:
        super().__init__()
        self.kind = kind
        self._frames: asyncio.Queue[AudioFrame | VideoFrame] = asyncio.Queue(room_for)

    def feed(self, frame: AudioFrame | VideoFrame) -> None:
        """Send a frame."""
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(frame)

    async def recv(self) -> AudioFrame | VideoFrame:
        """Hand out the next frame, as aiortc asks for it."""
        if self.readyState != "live":
            raise MediaStreamError

        return await self._frames.get()


def voice() -> Track:
    """Make a track for blocks of sound."""
    return Track("audio", room_for=10)


def face() -> Track:
    """Make a track for pictures."""
    return Track("video", room_for=2)


def audio_frame(block: bytes, number: int) -> AudioFrame:
    """Make a frame of the numbered block of sound."""
    frame = AudioFrame(format="s16", layout="mono", samples=BLOCK)
    frame.planes[0].update(block)
    frame.sample_rate = RATE
    frame.pts = number * BLOCK
    frame.time_base = Fraction(1, RATE)
    return frame


def video_frame(planes: Planes, number: int) -> VideoFrame:
    """Make a frame of the numbered picture."""
    frame = VideoFrame(*portrait.SIZE, "yuv420p")
    for plane, content in zip(frame.planes, planes, strict=True):
        plane.update(content)
    frame.pts = number * _VIDEO_CLOCK // FPS
    frame.time_base = Fraction(1, _VIDEO_CLOCK)
    return frame

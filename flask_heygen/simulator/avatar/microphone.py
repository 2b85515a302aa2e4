"""Voice activity of a participant's microphone, by its loudness."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from .sound import loudness

# As a part of full scale.
_THRESHOLD = 0.02
# Seconds of silence after which a person has finished; loud frames in a row that are speech.
_PAUSE_SECONDS, _LOUD_FRAMES = 0.7, 3


async def detect_speech(
    track: MediaStreamTrack, report: Callable[[bool], object], is_muted: Callable[[], bool]
) -> None:
    """Report True when speech begins and False when it ends, until the track ends.

    Sound that arrives after its client has muted it, as on a busy machine, is not speech.
    """
    loop = asyncio.get_running_loop()
    speaking, loud_frames, loud_at = False, 0, loop.time()
    with suppress(MediaStreamError):
        while True:
            loud = await _is_loud(track) and not is_muted()
            loud_frames = loud_frames + 1 if loud else 0
            if loud:
                loud_at = loop.time()
            if not speaking and loud_frames >= _LOUD_FRAMES:
                speaking = True
                report(True)  # noqa: FBT003  what is reported
            elif speaking and loop.time() - loud_at > _PAUSE_SECONDS:
                speaking = False
                report(False)  # noqa: FBT003
    if speaking:
        report(False)  # noqa: FBT003


async def _is_loud(track: MediaStreamTrack) -> bool:
    # A muted microphone may send nothing at all.
    try:
        frame = await asyncio.wait_for(track.recv(), _PAUSE_SECONDS)
    except asyncio.TimeoutError:
        return False
    return isinstance(frame, AudioFrame) and loudness(bytes(frame.planes[0])) > _THRESHOLD

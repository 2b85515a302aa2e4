"""The avatar's audio and video, before they are encoded."""

import asyncio

import pytest

from flask_heygen.simulator.avatar.media import MediaLoop, audio_track, video_track
from flask_heygen.simulator.avatar.speaker import Speaker
from tests.coroutines import run


async def times_of_pictures(frame_rate: int) -> list[int]:
    """Return the times of four pictures, in 1/90000 s."""
    audio, video = audio_track(), video_track()
    loop = MediaLoop(Speaker(lambda _: None), lambda: [(audio, video)], lambda: True, frame_rate)
    sending = asyncio.create_task(loop.run())
    times = [(await video.recv()).pts or 0 for _ in range(4)]
    sending.cancel()
    return times


class TestPictures:
    @pytest.mark.parametrize("frame_rate", [5, 25])
    def test_come_as_often_as_configured(self, frame_rate: int) -> None:
        """Each has the time at which it is to be shown."""
        times = run(times_of_pictures(frame_rate))

        assert times == [number * 90_000 // frame_rate for number in range(4)]

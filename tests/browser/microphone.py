"""A recording for Chromium's fake microphone, which plays it over and over."""

import wave
from pathlib import Path

from flask_heygen.simulator.avatar.tts import synthesize

ANSWER = "I like to write programs with Python."


def write_answer(path: Path, pause: float = 1.5) -> None:
    """Write a spoken sentence and a pause in seconds."""
    speech = synthesize(ANSWER, "en", 1.0)
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(speech.sample_rate)
        recording.writeframes(speech.samples + bytes(2 * int(pause * speech.sample_rate)))

"""A voice for where no speech synthesis is installed: a syllable per vowel, a pause per blank."""

import array
import functools
import math
import random
import re

from .tone import Tone

_RATE = 16_000
_PITCH = 190
# The first two formants of each vowel, in Hz.
_VOWELS = {
    "a": (730, 1090),
    "e": (530, 1840),
    "i": (270, 2290),
    "o": (570, 840),
    "u": (300, 870),
    "y": (350, 2000),
}
_PAUSES = dict.fromkeys(",.;:?!", 0.2) | {" ": 0.06}


def speak(text: str, language: str, pace: float) -> Tone:  # noqa: ARG001  babble is international
    """Babble a text."""
    words = {match.start() for match in re.finditer(r"\S+", text)}
    samples = array.array("h")
    moments = []
    for place, character in enumerate(text.lower()):
        if place in words:
            moments.append((place, len(samples) / _RATE))
        samples.extend(_syllable(character, pace))
    return Tone(samples.tobytes(), _RATE, moments)


@functools.lru_cache(maxsize=256)
def _syllable(character: str, pace: float) -> "array.array[int]":
    if character in _PAUSES:
        return array.array("h", bytes(2 * int(_RATE * _PAUSES[character] / pace)))

    vowel = _VOWELS.get(character)
    length = int(_RATE * (0.11 if vowel else 0.03) / pace)
    noise = random.Random(character)  # noqa: S311  the same hiss each time
    samples = array.array("h")
    for step in range(length):
        swell = 0.5 - 0.5 * math.cos(2 * math.pi * step / length)
        wave = _vowel(*vowel, step / _RATE) if vowel else noise.uniform(-0.15, 0.15)
        samples.append(int(9000 * swell * wave))
    return samples


def _vowel(first: float, second: float, moment: float) -> float:
    total = 0.0
    for overtone in range(1, 14):
        pitch = _PITCH * overtone
        strength = math.exp(-(((pitch - first) / 120) ** 2))
        strength += 0.6 * math.exp(-(((pitch - second) / 180) ** 2)) + 0.03
        total += strength * math.sin(2 * math.pi * pitch * moment)
    return max(-1.0, min(1.0, total))

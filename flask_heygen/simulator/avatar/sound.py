"""A synthesized text, cut into the blocks in which it is sent."""

import array
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from av import AudioFrame, AudioResampler

from .tts import SynthesizedSpeech, synthesize

#: Samples per second, as Opus takes them.
SAMPLE_RATE = 48_000
#: Samples of a block, which takes 20 ms.
BLOCK = SAMPLE_RATE // 50
SILENCE = bytes(2 * BLOCK)

# The loudness, as a part of full scale, that opens the mouth wide.
_LOUD = 0.24


@dataclass(frozen=True)
class Sound:
    """A text as it is heard and seen."""

    #: 16-bit mono samples, `BLOCK` of them in each.
    blocks: Sequence[bytes]
    #: How far each block opens the mouth, from 0 to 1.
    levels: Sequence[float]
    #: For each word the block it begins at; the words together are the text.
    words: Sequence[tuple[int, str]]

    @property
    def duration_ms(self) -> float:
        """Duration in milliseconds."""
        return milliseconds(len(self.blocks))


def milliseconds(blocks: int) -> float:
    """Return the duration of a number of blocks."""
    return blocks * BLOCK * 1000 / SAMPLE_RATE


def record(text: str, language: str, rate: float) -> Sound:
    """Synthesize a text; this takes some milliseconds of CPU."""
    speech = synthesize(text, language, rate)
    samples, size = _resample(speech), len(SILENCE)
    blocks = [samples[at : at + size].ljust(size, b"\0") for at in range(0, len(samples), size)]
    starts = [(0, 0.0), *speech.words[1:], (len(text), 0.0)]
    words = [
        (int(seconds * SAMPLE_RATE / BLOCK), text[start:end])
        for (start, seconds), (end, _) in pairwise(starts)
    ]
    return Sound(blocks, [min(1.0, loudness(block) / _LOUD) for block in blocks], words)


def loudness(block: bytes) -> float:
    """Return the root mean square of 16-bit samples, as a part of full scale."""
    samples = array.array("h", block)[::4]  # a fourth of them suffices
    return math.sqrt(sum(each * each for each in samples) / max(1, len(samples))) / 32768


def _resample(speech: SynthesizedSpeech) -> bytes:
    if not speech.samples:
        return b""

    frame = AudioFrame(format="s16", layout="mono", samples=len(speech.samples) // 2)
    frame.planes[0].update(speech.samples)
    frame.sample_rate = speech.sample_rate
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return b"".join(bytes(part.planes[0])[: 2 * part.samples] for part in frames)

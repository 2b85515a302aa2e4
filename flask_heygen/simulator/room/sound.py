"""A text as sound: what is heard in each fiftieth of a second, and which words fall where."""

import array
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from av import AudioFrame, AudioResampler

from .tone import Tone

try:
    from .espeak import speak
except ImportError:
    from .babble import speak

#: Samples a second, as Opus wants them.
RATE = 48_000
#: Samples of a block.
BLOCK = RATE // 50
SILENCE = bytes(2 * BLOCK)

_WORDS_AT_ONCE = 3
# The loudness, as a part of full scale, that opens the mouth wide.
_LOUD = 0.24
# Every how many samples suffice to tell the loudness.
_STRIDE = 4


@dataclass(frozen=True)
class Sound:
    """A text as it will be heard and seen."""

    #: 16-bit mono samples, `BLOCK` of them in each.
    blocks: Sequence[bytes]
    #: How far each block opens the mouth, from 0 to 1.
    levels: Sequence[float]
    #: At which block each group of words begins; the groups together are the text.
    captions: Sequence[tuple[int, str]]

    @property
    def duration_ms(self) -> float:
        """How long it takes to say all of it."""
        return milliseconds(len(self.blocks))


def milliseconds(blocks: int) -> float:
    """Tell how long some blocks take."""
    return blocks * BLOCK * 1000 / RATE


def record(text: str, language: str, pace: float) -> Sound:
    """Speak a text in a language, at a `pace` of which 1 is the usual."""
    tone = speak(text, language, pace)
    samples = _resampled(tone)
    size = len(SILENCE)
    blocks = [samples[at : at + size].ljust(size, b"\0") for at in range(0, len(samples), size)]
    captions = [(int(moment * RATE / BLOCK), group) for moment, group in _groups(text, tone.words)]
    return Sound(blocks, [_level(block) for block in blocks], captions)


def _resampled(tone: Tone) -> bytes:
    if not tone.samples:
        return b""

    frame = AudioFrame(format="s16", layout="mono", samples=len(tone.samples) // 2)
    frame.planes[0].update(tone.samples)
    frame.sample_rate = tone.rate
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return b"".join(bytes(part.planes[0])[: 2 * part.samples] for part in frames)


def _level(block: bytes) -> float:
    samples = array.array("h", block)[::_STRIDE]
    loudness = math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / 32768
    return min(1.0, loudness / _LOUD)


def _groups(text: str, words: Sequence[tuple[int, float]]) -> Iterator[tuple[float, str]]:
    """Put a few words together, fewer where a sentence ends or pauses."""
    start, moment, count = 0, 0.0, 0
    for place, at in words:
        if count == _WORDS_AT_ONCE or (count and text[:place].rstrip()[-1:] in ",.;:?!"):
            yield moment, text[start:place]
            start, moment, count = place, at, 0
        count += 1
    yield moment, text[start:]

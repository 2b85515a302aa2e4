"""What a voice makes of a text."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tone:
    """Speech: 16-bit mono samples, and where each word begins."""

    samples: bytes
    #: Samples a second.
    rate: int
    #: Each word's place in the text, in characters, and its moment, in seconds.
    words: Sequence[tuple[int, float]]

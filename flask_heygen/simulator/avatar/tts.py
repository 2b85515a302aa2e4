"""Speech synthesis by eSpeak NG.

The library comes with the package espeakng-loader and is called by ctypes: no maintained package
with a Python API carries it. It is GPL-3, so it is found at run time and nothing of it is copied.
"""

import ctypes
import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import espeakng_loader

# speak_lib.h of eSpeak NG 1.52
_SYNCHRONOUS = 2
_CHARACTERS_UTF8 = 1
_EVENTS_END, _EVENT_WORD = 0, 1
_RATE_PARAMETER = 1
_WORDS_PER_MINUTE = 165
_VARIANT = "+f3"


@dataclass(frozen=True)
class SynthesizedSpeech:
    """16-bit mono samples, and where each word begins."""

    samples: bytes
    #: Samples per second.
    sample_rate: int
    #: For each word its offset in the text, in characters, and its start, in seconds.
    words: Sequence[tuple[int, float]]


def synthesize(text: str, language: str, rate: float) -> SynthesizedSpeech:
    """Speak a text at a multiple of the usual rate; an unknown language is spoken as English."""
    espeak = _espeak()
    # The library speaks one text at a time.
    with espeak.lock:
        return espeak.speak(text, language, rate)


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Espeak:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        self._sample_rate: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        # Kept alive: the library calls it for as long as it is loaded.
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)
        self._samples = bytearray()
        self._words: list[tuple[int, float]] = []

    def speak(self, text: str, language: str, rate: float) -> SynthesizedSpeech:
        self._samples.clear()
        self._words = []
        if self._library.espeak_SetVoiceByName((language + _VARIANT).encode()):
            self._library.espeak_SetVoiceByName(f"en-us{_VARIANT}".encode())
        self._library.espeak_SetParameter(_RATE_PARAMETER, round(_WORDS_PER_MINUTE * rate), 0)
        content = text.replace("\0", " ").encode(errors="replace") + b"\0"
        self._library.espeak_Synth(content, len(content), 0, 0, 0, _CHARACTERS_UTF8, None, None)
        return SynthesizedSpeech(bytes(self._samples), self._sample_rate, self._words)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, count * 2)
        index = 0
        while (event := events[index]).type != _EVENTS_END:
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.audio_position / 1000))
            index += 1
        return 0


@functools.cache
def _espeak() -> _Espeak:
    return _Espeak()

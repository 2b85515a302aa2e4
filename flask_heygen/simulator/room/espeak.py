"""eSpeak NG's voice, from the library that the package espeakng-loader brings along.

The library is GPL-3: it is found at run time and nothing of it is copied here.
"""

import ctypes
import threading
from typing import Any

import espeakng_loader

from .tone import Tone

# speak_lib.h of eSpeak NG 1.52
_SYNCHRONOUS = 2
_CHARACTERS_UTF8 = 1
_EVENTS_END, _EVENT_WORD = 0, 1
_RATE_PARAMETER = 1
_WORDS_PER_MINUTE = 165
_VARIANT = "+f3"


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
    """The library, which speaks one text at a time."""

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        self._rate: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        # Kept: the library calls it for as long as it lives.
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)
        self._samples = bytearray()
        self._words: list[tuple[int, float]] = []

    def speak(self, text: str, language: str, pace: float) -> Tone:
        self._samples.clear()
        self._words = []
        if self._library.espeak_SetVoiceByName((language + _VARIANT).encode()):
            self._library.espeak_SetVoiceByName(f"en-us{_VARIANT}".encode())
        words_per_minute = round(_WORDS_PER_MINUTE * pace)
        self._library.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
        content = text.replace("\0", " ").encode(errors="replace") + b"\0"
        self._library.espeak_Synth(content, len(content), 0, 0, 0, _CHARACTERS_UTF8, None, None)
        return Tone(bytes(self._samples), self._rate, self._words)

    def _take(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, count * 2)
        index = 0
        while (event := events[index]).type != _EVENTS_END:
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.audio_position / 1000))
            index += 1
        return 0


_lock = threading.Lock()
_espeak: list[_Espeak] = []


def speak(text: str, language: str, pace: float) -> Tone:
    """Speak a text; an unknown language is spoken as English."""
    with _lock:
        if not _espeak:
            _espeak.append(_Espeak())
        return _espeak[0].speak(text, language, pace)

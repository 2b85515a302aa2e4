"""Texts that can be spoken."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .errors import InvalidField, TextTooLong

#: Categories of Unicode that nobody hears: spaces, controls, marks and invisible characters.
_SILENT = {"Cc", "Cf", "Me", "Mc", "Mn", "Zl", "Zp", "Zs"}
#: Blank characters that Unicode counts as letters or symbols: fillers, and a Braille blank.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
# A pattern, and not text.encode(), as a UnicodeEncodeError holds the text.
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_text(text: Any, most: int) -> None:
    """Raise the error of a text that cannot be spoken.

    Raises:
        InvalidField: it is no text, or nothing in it can be heard, or it is no valid Unicode.
        TextTooLong: it has more than ``most`` characters.

    """
    if not isinstance(text, str):
        raise InvalidField("text must be a string.")
    if not any(map(_is_audible, text)):
        raise InvalidField("text is blank: there is nothing to speak.")
    if not text.isascii() and _SURROGATE.search(text):
        raise InvalidField("text must be valid Unicode; it holds half of a surrogate pair.")
    if len(text) > most:
        raise TextTooLong(
            f"text has {len(text)} characters, and {most} are the most that are spoken at once; "
            "send it in parts."
        )


def _is_audible(character: str) -> bool:
    return unicodedata.category(character) not in _SILENT and character not in _BLANK

"""Redaction: a vendor's message without the key, a token or a spoken text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from unicodedata import normalize

#: The mark in place of what was cut out.
CUT = "[…]"
#: Consecutive bytes of a secret, in UTF-8, that count as an echo of it; fewer may be a coincidence.
#: They are 12 letters in English, 6 in Russian and 4 in Chinese.
MIN_ECHO = 12
#: Maximum characters of a message that are read, and that are kept.
MAX_READ, MAX_KEPT = 4000, 300
#: Maximum layers of escapes around an echo.
MAX_ESCAPES = 4

#: Keys and tokens of other calls: no word is as long.
_OPAQUE = re.compile(r"[\w+/=.~-]{32,}", re.ASCII)
#: A field's name, of words in snake_case or camelCase; a key or a token is not made of words.
_FIELD = r"[a-z]{2,16}(?:[_A-Z][a-z]{2,15})*"
#: A path of such names and of indexes, as a validation error has it.
_FIELD_PATH = re.compile(rf"{_FIELD}(?:\.(?:{_FIELD}|\d{{1,2}}))+\.?")
#: The escapes of JSON, JavaScript, HTML and URLs, and those of bytes in Python and C.
_ESCAPE = re.compile(
    r"(?:\\u|%u)([\da-f]{4})|\\u\{([\da-f]{1,6})\}|\\(\W)|\\[bfnrt]"
    r"|&(?:#x?0{0,99}[\da-f]{1,7};?|\w{2,31};)|((?:(?:%|\\x)[\da-f]{2}|\\[0-3][0-7]{2})+)",
    re.ASCII | re.IGNORECASE,
)


def redact(message: str, secrets: Iterable[str]) -> str:
    """Return ``message`` on one line and cut to size, with every echo of ``secrets`` cut out.

    An echo is the whole secret or 12 bytes of it in a row, in any case and Unicode normal form,
    escaped or not. Other long runs without a blank are cut out as well, but for paths of field
    names. The message is returned unescaped.
    """
    message = one_line(_unescape(message[:MAX_READ]))
    shown = list(message)
    folded, places = _fold(message)
    for secret in secrets:
        echo, _ = _fold(one_line(_unescape(secret)))
        for start, end in _echoes(folded, echo):
            for place in places[start:end]:
                shown[place] = "\0"
    return _OPAQUE.sub(_redact_opaque, re.sub("\0+", CUT, "".join(shown)))[:MAX_KEPT]


def one_line(text: str) -> str:
    """Put a text on one line, so that no message can forge a line of a log."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _redact_opaque(run: re.Match[str]) -> str:
    return run[0] if _FIELD_PATH.fullmatch(run[0]) else CUT


def _unescape(text: str) -> str:
    for _ in range(MAX_ESCAPES):
        text = _ESCAPE.sub(_unescaped, text)
        # JSON escapes an emoji as two halves, which are joined here.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0]
    if code := match[1] or match[2]:
        return chr(min(int(code, 16), 0x10FFFF))
    if escape.startswith("&"):
        return html.unescape(escape)
    return _decoded(match[4]) if match[4] else match[3] or " "


def _decoded(run: str) -> str:
    """Return the text of escaped bytes, which are hexadecimal, or octal as in C."""
    codes = re.findall(r"(?:%|\\x)(..)|\\(...)", run, re.IGNORECASE)
    content = bytes(int(digits, 16) if digits else int(octal, 8) for digits, octal in codes)
    try:
        return content.decode()
    except UnicodeDecodeError:  # of one byte for each character, or cut
        return content.decode("latin-1")


def _fold(text: str) -> tuple[bytes, list[int]]:
    """Return a text in the form that is compared, and for each byte its place in the text."""
    folded, places = bytearray(), []
    for place, character in enumerate(text):
        units = _fold_character(character)
        if units == b" " and folded.endswith(b" "):
            continue
        folded += units
        places += [place] * len(units)
    return bytes(folded), places


@lru_cache(4096)
def _fold_character(character: str) -> bytes:
    if character == "+":  # a space in a form
        return b" "
    return normalize("NFKD", normalize("NFKD", character).casefold()).encode()


def _echoes(message: bytes, secret: bytes) -> Iterator[tuple[int, int]]:
    if len(secret) < MIN_ECHO:
        # Short enough to be part of other words by chance: it must stand alone.
        alone = rb"(?<![a-z0-9_])" + re.escape(secret) + rb"(?![a-z0-9_])"
        for match in re.finditer(alone, message) if secret else ():
            yield match.span()
        return

    pieces = {secret[i : i + MIN_ECHO] for i in range(len(secret) - MIN_ECHO + 1)}
    for i in range(len(message) - MIN_ECHO + 1):
        if message[i : i + MIN_ECHO] in pieces:
            yield i, i + MIN_ECHO

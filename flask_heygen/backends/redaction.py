"""What a vendor said, fit to be shown and logged: without the key, a token or a spoken text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

#: What stands where something was cut.
CUT = "[…]"
#: Characters; so much of a secret in a row is an echo of it, less may be chance.
PIECE = 12
#: Characters that are read, and that are kept, of a message.
READ, KEPT = 4000, 300

#: Keys and tokens that are none of this call's: no word is as long.
_OPAQUE = re.compile(r"[\w+/=.~-]{32,}", re.ASCII)


def redact(message: str, secrets: Iterable[str]) -> str:
    """Return ``message`` on one line and cut to size, with every echo of ``secrets`` cut out.

    An echo is the whole secret or any 12 characters of it in a row, as they are or escaped as
    JSON, HTML or a URL would.
    """
    message = _line(message[:READ])
    hidden = [False] * len(message)
    for secret in secrets:
        # On one line, as the message is, whether the vendor tidied it before or after escaping it.
        for form in {_line(form) for plain in (secret, _line(secret)) for form in _forms(plain)}:
            for start, end in _echoes(message, form):
                hidden[start:end] = [True] * (end - start)
    kept = "".join(
        "\0" if cut else character for character, cut in zip(message, hidden, strict=True)
    )
    return _OPAQUE.sub(CUT, re.sub("\0+", CUT, kept))[:KEPT]


def _line(text: str) -> str:
    """Put a text on one line, so that no message can forge a line of a log."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield quote(secret)
    yield quote_plus(secret)


def _echoes(message: str, secret: str) -> Iterator[tuple[int, int]]:
    if len(secret) < PIECE:
        # Short enough to stand in other words by chance: it must stand alone.
        for match in re.finditer(rf"(?<!\w){re.escape(secret)}(?!\w)", message) if secret else ():
            yield match.span()
        return

    pieces = {secret[i : i + PIECE] for i in range(len(secret) - PIECE + 1)}
    for i in range(len(message) - PIECE + 1):
        if message[i : i + PIECE] in pieces:
            yield i, i + PIECE

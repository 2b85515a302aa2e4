"""The README, as somebody who pastes from it reads it."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent.parent / "README.md"
#: The host that recipes are pasted below.
SHOP = Path(__file__).parent / "shop.py"


def blocks(title: str, language: str = "python") -> list[str]:
    """Return what is to be pasted from below a heading of the README."""
    below = re.split(rf"^##+ {re.escape(title)}$", README.read_text(), flags=re.MULTILINE)[1]
    text = re.split(r"^##+ ", below, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def host(*titles: str) -> str:
    """Return the module of a host that follows recipes."""
    return "\n\n".join([SHOP.read_text(), *(blocks(title)[0] for title in titles)])

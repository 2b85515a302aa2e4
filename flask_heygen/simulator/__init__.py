"""A stand-in for the vendor: HeyGen's v1 API and LiveAvatar over real HTTP, with an avatar.

Everything here is a simulation.  It shares no code with the rest of the package, so that each
checks the other.  It needs the extra ``simulator``, and ``avatar`` for its sessions to be joined,
seen and heard.
"""

try:
    from .simulator import Simulator
except ModuleNotFoundError as error:
    if error.name != "aiohttp":
        raise
    raise ImportError(
        "The simulator needs aiohttp: pip install 'flask-heygen[simulator]'", name="aiohttp"
    ) from error

from .auth import joinable
from .errors import ApiError as Refusal
from .exchange import Exchange
from .faults import Fault
from .models import Call, Session, Speech, Token

__all__ = [
    "Call",
    "Exchange",
    "Fault",
    "Refusal",
    "Session",
    "Simulator",
    "Speech",
    "Token",
    "joinable",
]

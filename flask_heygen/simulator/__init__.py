"""A stand-in for the vendor: HeyGen's v1 API and LiveAvatar over real HTTP, and a drawn avatar.

Everything here is a simulation.  It shares no code with the rest of the package, so that each
is a witness against the other.  It needs the extra ``simulator``, and ``avatar`` for its sessions
to be joined, seen and heard.
"""

try:
    from .simulation import Simulator
except ModuleNotFoundError as error:
    if error.name != "aiohttp":
        raise
    raise ImportError(
        "The simulator needs aiohttp: pip install 'flask-heygen[simulator]'", name="aiohttp"
    ) from error

from .door import joinable
from .faults import Fault
from .records import Call, Session, Speech, Token
from .refusals import Refusal

__all__ = ["Call", "Fault", "Refusal", "Session", "Simulator", "Speech", "Token", "joinable"]

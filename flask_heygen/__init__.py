"""A Flask blueprint that lets a HeyGen avatar speak: key and session tokens stay on the server."""

from .blueprint import HeyGen, heygen_bp
from .client import HeyGenClient
from .errors import HeyGenError

__all__ = ["HeyGen", "HeyGenClient", "HeyGenError", "heygen_bp"]
__version__ = "0.1.0"

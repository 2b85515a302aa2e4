"""A Flask blueprint that lets a HeyGen avatar speak: key and session tokens stay on the server."""

from .blueprint import HeyGen, heygen_bp
from .client import HeyGenClient
from .errors import HeyGenError
from .signals import session_started, session_stopped, task_sent, upstream_failed

__all__ = [
    "HeyGen",
    "HeyGenClient",
    "HeyGenError",
    "heygen_bp",
    "session_started",
    "session_stopped",
    "task_sent",
    "upstream_failed",
]
__version__ = "0.1.0"

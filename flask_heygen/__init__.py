"""A Flask blueprint that lets a HeyGen avatar speak: key and session tokens stay on the server."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

if not TYPE_CHECKING:
    # pytest imports this package for its plugin in every run, and one that does not use it should
    # not pay for Flask and requests: so each name is imported on first use.
    _MODULES = dict.fromkeys(__all__, "signals") | {
        "HeyGen": "blueprint",
        "heygen_bp": "blueprint",
        "HeyGenClient": "client",
        "HeyGenError": "errors",
    }

    def __getattr__(name: str) -> Any:
        """Import a public name on first use."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)

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

    def __getattr__(name: str) -> Any:
        """Import a public name on first use.

        pytest imports this package for its plugin in every run; one that does not use it should
        not pay for Flask and requests.
        """
        if name in __all__:
            for module in ("errors", "client", "signals", "blueprint"):
                names = vars(import_module(f"{__name__}.{module}"))
                if name in names:
                    return names[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

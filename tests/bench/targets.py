"""The servers that are compared, each set up as its documentation shows, with one process."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.servers import BACKLOG

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BASELINES = HERE / "baselines"
#: The configuration that the package recommends for gunicorn.
RECIPE = ROOT / "example_app" / "recipes" / "gunicorn.conf.py"
KEY = "the-api-key-of-the-bench"
#: Idle seconds of a connection, above those of the proxy in front of a server.
KEEP_ALIVE = 75


@dataclass(frozen=True)
class Target:
    """A server's command, environment and requirements.

    ``{fd}`` in the command is replaced by the file descriptor of the open port, ``{port}`` by its
    number, and ``{directory}`` by the server's directory. ``config`` is copied there, with its
    ``$names`` filled in.
    """

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Path | None = None
    #: Names of programs and Python modules, and paths below this directory.
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """The requirements that are not installed."""
        return [need for need in self.needs if not _is_here(need)]


def _is_here(need: str) -> bool:
    if "/" in need:
        return (HERE / need).exists()
    return shutil.which(need) is not None or find_spec(need) is not None


def targets(upstream: str, *, threads: int, workers: int = 1) -> list[Target]:
    """Return all targets, which call the upstream at that URL.

    ``workers`` applies to flask_heygen only; each other target has one.
    """
    base = {"HEYGEN_BASE_URL": upstream, "HEYGEN_API_KEY": KEY}
    url = urlsplit(upstream)
    return [
        Target(
            "nginx",
            "nginx, adding the key only",
            ("nginx", "-c", "{directory}/nginx.conf"),
            # The variable by which nginx passes its ports to a new binary on an upgrade.
            {**base, "NGINX": "{fd};", "scheme": url.scheme, "upstream": url.netloc},
            BASELINES / "nginx.conf",
            needs=("nginx",),
        ),
        _flask_heygen(base, workers, "gthread", "--threads", str(threads), pinned=False),
        _flask_heygen(base, workers, "gthread", "--threads", str(threads)),
        _flask_heygen(base, workers, "gevent"),
        Target(
            "fastapi",
            "FastAPI, an httpx client per call",
            (sys.executable, str(BASELINES / "fastapi_httpx.py"), "{fd}"),
            base,
            needs=("fastapi", "httpx", "uvicorn"),
        ),
        _flask(base, "requests", "Flask, requests.post", threads),
        _flask(base, "session", "Flask, one requests.Session", threads),
        Target(
            "express",
            "Express, fetch",
            ("node", str(BASELINES / "express.js")),
            {**base, "FD": "{fd}", "NODE_ENV": "production"},
            needs=("node", "node_modules/express"),
        ),
    ]


def _flask_heygen(
    base: Mapping[str, str], workers: int, *worker: str, pinned: bool = True
) -> Target:
    name, title = f"ours-{worker[0]}", f"flask_heygen, {worker[0]}"
    more = ("--config", str(RECIPE), "--workers", str(workers))
    # Import the package from this tree, not an installed one.
    environment = {"PYTHONPATH": str(ROOT), "PIN_WORKERS": str(int(pinned))}
    return Target(
        name if pinned else f"{name}-any-core",
        title if pinned else f"{title}, on any core",
        _gunicorn(ROOT / "tests" / "servers", "wsgi:app", *worker, *more),
        environment | {f"FLASK_{name}": value for name, value in base.items()},
        needs=("gunicorn", "gevent"),
    )


def _flask(base: Mapping[str, str], name: str, title: str, threads: int) -> Target:
    worker = ("gthread", "--threads", str(threads))
    command = _gunicorn(BASELINES, f"flask_{name}:app", *worker)
    return Target(f"flask-{name}", title, command, base, needs=("gunicorn",))


def _gunicorn(directory: Path, app: str, *worker: str) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "gunicorn", "--chdir", str(directory), "--bind", "fd://{fd}"),
        *("--backlog", str(BACKLOG), "--worker-connections", str(BACKLOG)),
        *("--keep-alive", str(KEEP_ALIVE), "--worker-class", *worker, app),
    )

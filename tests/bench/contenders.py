"""Who is compared: each a server in the idiom of its own documentation, kept small."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.bench.servers import BACKLOG
from tests.bench.upstream import KEY

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RIVALS = HERE / "rivals"


@dataclass(frozen=True)
class Contender:
    """A server as it is started; in braces stand ``fd`` or ``port``, and its ``directory``."""

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Programs, Python modules and files that it needs.
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """What it needs and is not here."""
        return [need for need in self.needs if not _found(need)]


def _found(need: str) -> bool:
    return bool(shutil.which(need) or (HERE / need).exists() or find_spec(need))


@dataclass(frozen=True)
class Workers:
    """What gunicorn is told."""

    threads: int
    connections: int = 2048
    #: Seconds; above those of the proxy that stands in front, or it writes to what is closed.
    keep_alive: int = 75


def contenders(workers: Workers, base_url: str) -> list[Contender]:
    """Return all of them, each to call the upstream at ``base_url``."""
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", "fd://{fd}"]
    gunicorn += ["--backlog", str(BACKLOG), "--keep-alive", str(workers.keep_alive)]
    gunicorn += ["--worker-connections", str(workers.connections)]
    gthread = (*gunicorn, "--worker-class", "gthread", "--threads", str(workers.threads))
    gevent = (*gunicorn, "--worker-class", "gevent")
    ours = ("--chdir", str(ROOT / "tests" / "servers"), "wsgi:app")
    settings = {"FLASK_HEYGEN_API_KEY": KEY, "FLASK_HEYGEN_BASE_URL": base_url}
    return [
        Contender("ours-gthread", "flask_heygen, gthread", (*gthread, *ours), settings),
        Contender("ours-gevent", "flask_heygen, gevent", (*gevent, *ours), settings, ("gevent",)),
    ]

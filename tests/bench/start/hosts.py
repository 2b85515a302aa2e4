"""Apps with the blueprint and two pages, one for each API and gunicorn worker class."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.bench.servers import Server
from tests.bench.targets import KEEP_ALIVE, KEY, ROOT

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
APIS = ("streaming", "liveavatar")
WORKERS = {"gthread": ("gthread", "--threads", "16"), "gevent": ("gevent",)}


@contextmanager
def hosts(vendor_url: str, directory: Path) -> Iterator[dict[tuple[str, str], str]]:
    """Run all apps for the duration of the block; yield their URLs by API and worker class."""
    with ExitStack() as running:
        urls = {}
        for api in APIS:
            for name, worker in WORKERS.items():
                home = directory / f"{api}-{name}"
                home.mkdir()
                server = _server(vendor_url, api, worker, home)
                running.callback(server.close)
                urls[api, name] = f"http://127.0.0.1:{server.port}"
                requests.get(f"{urls[api, name]}/clock.js", timeout=30).raise_for_status()
        yield urls


def _server(vendor_url: str, api: str, worker: tuple[str, ...], home: Path) -> Server:
    settings = {
        "API": api,
        "API_KEY": KEY,
        "BASE_URL": vendor_url,
        # Double the braces, as the value is a format string.
        "SESSION_DEFAULTS": "{" + json.dumps({"avatar_id": AVATAR}) + "}",
    }
    return Server(
        (
            *(sys.executable, "-m", "gunicorn", "--chdir", str(Path(__file__).parent)),
            *("--bind", "fd://{fd}", "--keep-alive", str(KEEP_ALIVE)),
            *("--worker-class", *worker, "pages:app"),
        ),
        {"PYTHONPATH": str(ROOT)} | {f"FLASK_HEYGEN_{name}": settings[name] for name in settings},
        None,
        home,
    )

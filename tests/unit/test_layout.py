"""The layout: who may import whom, what is public, and that an import does nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import flask_heygen

PACKAGE = Path(flask_heygen.__file__).parent

#: The modules in the order of their imports: each imports only those above it.
ORDER = (
    "errors",
    "tracebacks",
    "timing",
    "settings",
    "signing",
    "http",
    "http.deadline",
    "http.stream",
    "http.tls",
    "http.connector",
    "http.pool",
    "http.adapter",
    "http.client",
    "backends.fields",
    "backends.redaction",
    "backends.responses",
    "backends.data",
    "backends.base",
    "backends.token_pool",
    "backends.streaming",
    "backends.liveavatar_messages",
    "backends.liveavatar",
    "backends",
    "text",
    "client",
    "signals",
    "error_handlers",
    "request_body",
    "access",
    "loaders",
    "account",
    "cli",
    "ndjson",
    "page_module",
    "blueprint",
    "",
)
#: The modules that may import Flask, and the packages that count as Flask.
FLASK_MODULES = {
    "",
    "access",
    "account",
    "blueprint",
    "cli",
    "error_handlers",
    "loaders",
    "ndjson",
    "page_module",
    "request_body",
    "signals",
}
FLASK = {"flask", "werkzeug", "jinja2", "blinker", "click", "flask_cors"}


def _name(path: Path) -> str:
    """Return the dotted name of a module below the package, that of the package itself empty."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
#: What a host's tests use.
TESTING = {"simulator", "pytest_plugin"}
CLIENT_SIDE = [name for name in PATHS if name.partition(".")[0] not in TESTING]
SIMULATOR = [name for name in PATHS if name.partition(".")[0] == "simulator"]


def _imports(name: str) -> Iterator[str]:
    """Yield what a module imports, wherever in it, by absolute names, each name's module first."""
    path = PATHS[name]
    here = ["flask_heygen", *filter(None, name.split("."))]
    package = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            # From a package its modules are imported, from a module its names.
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                inside = whole.removeprefix("flask_heygen.")
                yield whole if inside in PATHS else origin


def _modules(name: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    inside = {each for each in _imports(name) if each.partition(".")[0] == "flask_heygen"}
    return {each.removeprefix("flask_heygen").removeprefix(".") for each in inside}


def run(code: str) -> str:
    """Run Python in a process of its own, where nothing was imported yet."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestImports:
    def test_cover_every_module(self) -> None:
        """A new module has its place in the order before it is used."""
        assert sorted(CLIENT_SIDE) == sorted(ORDER)
        assert SIMULATOR

    @pytest.mark.parametrize("name", CLIENT_SIDE)
    def test_point_one_way(self, name: str) -> None:
        """A module knows only what stands before it, so that it can be read in that order."""
        assert _modules(name) <= set(ORDER[: ORDER.index(name)])

    @pytest.mark.parametrize("name", CLIENT_SIDE)
    def test_leave_flask_to_some_modules(self, name: str) -> None:
        """Nothing else imports Flask or a part of it."""
        outside = {each.partition(".")[0] for each in _imports(name)} - {"flask_heygen"}

        assert bool(outside & FLASK) <= (name in FLASK_MODULES)

    @pytest.mark.parametrize("name", CLIENT_SIDE)
    def test_leave_the_simulator_out(self, name: str) -> None:
        """Production code imports neither the simulator nor its server."""
        assert not {each for each in _modules(name) if each.partition(".")[0] == "simulator"}
        assert not {each for each in _imports(name) if each.partition(".")[0] == "aiohttp"}

    @pytest.mark.parametrize("name", SIMULATOR)
    def test_leave_the_client_side_out_of_the_simulator(self, name: str) -> None:
        """The two share no code, so that each checks the other."""
        assert {each.partition(".")[0] for each in _modules(name)} <= {"simulator"}

    @pytest.mark.parametrize("name", CLIENT_SIDE)
    def test_leave_signatures_to_itsdangerous(self, name: str) -> None:
        """It compares in constant time."""
        nodes = ast.walk(ast.parse(PATHS[name].read_text()))
        compared = [ast.unparse(node) for node in nodes if isinstance(node, ast.Compare)]

        imported = {each.partition(".")[0] for each in _imports(name)}
        assert not imported & {"hmac", "secrets"}
        assert "hashlib" not in imported or name == "signing"  # which passes it to itsdangerous
        assert "compare_digest" not in PATHS[name].read_text()
        assert not [each for each in compared if re.search("digest|handle|signature", each)]

    def test_are_seen(self) -> None:
        """These tests would see a wrong one: the right ones are all found."""
        assert _modules("") == {"blueprint", "client", "errors", "signals"}
        assert _modules("backends.responses") == {"errors", "http.client", "backends.redaction"}
        assert _modules("error_handlers") == {"errors", "signals"}
        assert {"flask", "werkzeug.routing", "logging"} <= set(_imports("error_handlers"))


class TestPublicNames:
    def test_are_these(self) -> None:
        """The names in the package can be imported with a star, and no others can."""
        tree = ast.parse(PATHS[""].read_text())
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = [node for node in imports if node.level]
        bound = [alias.asname or alias.name for node in ours for alias in node.names]

        assert sorted(flask_heygen.__all__) == sorted(bound)
        signals = {"session_started", "session_stopped", "task_sent", "upstream_failed"}
        assert set(bound) == {"HeyGen", "HeyGenClient", "HeyGenError", "heygen_bp"} | signals

    @pytest.mark.parametrize("name", flask_heygen.__all__)
    def test_have_a_docstring(self, name: str) -> None:
        """Help says what each is for."""
        assert (getattr(flask_heygen, name).__doc__ or "").strip()

    def test_are_typed(self) -> None:
        """A host's type checker reads our annotations."""
        assert (PACKAGE / "py.typed").is_file()

    @pytest.mark.parametrize("name", PATHS)
    def test_stand_in_modules_that_say_what_they_are_for(self, name: str) -> None:
        """The first line of each module is a sentence."""
        first = (ast.get_docstring(ast.parse(PATHS[name].read_text())) or "").partition("\n")[0]

        assert first.endswith(".")


#: What an import must not have made.
_WATCH = """
import _thread, os, socket, sys, threading
import requests

made = []
def watch(kind):
    plain = kind.__init__
    def noted(self, *args, **options):
        made.append(kind.__name__)
        plain(self, *args, **options)
    kind.__init__ = noted
for kind in (requests.Session, requests.adapters.HTTPAdapter, threading.Thread):
    watch(kind)
sys.addaudithook(
    lambda event, _: made.append(event) if event in ("socket.connect", "socket.__new__") else None
)
threads = threading.active_count()

from flask_heygen import *

assert threading.active_count() == threads
ours = [module for name, module in sys.modules.items() if name.partition(".")[0] == "flask_heygen"]
locks = (_thread.LockType, type(threading.RLock()), threading.Condition, threading.local)
made += [
    f"{module.__name__}.{name}"
    for module in ours
    for name, value in vars(module).items()
    if isinstance(value, (*locks, threading.Thread, requests.Session, socket.socket))
]
print(len(ours), made)
"""

_WITHOUT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Blocker())
{code}
print("done", sorted({names!r} & sys.modules.keys()))
"""


def without(names: set[str], code: str) -> str:
    return run(_WITHOUT.format(names=names, code=code))


class TestImport:
    def test_makes_nothing(self) -> None:
        """No thread, lock, session or connection: a server may fork or patch after it."""
        assert run(_WATCH) == f"{len(ORDER)} []"

    def test_needs_no_simulator(self) -> None:
        """Without the extra all of it works but the stand-in."""
        everything = {"aiohttp", "pytest", "requests_mock", "flask_login", "gevent"}

        assert without(everything, "from flask_heygen import *; HeyGen('coach')") == "done []"

    def test_of_the_simulator_says_what_it_needs(self) -> None:
        """Without the extra, the error names it."""
        code = (
            "try:\n    import flask_heygen.simulator\n"
            "except ImportError as error:\n    assert 'flask-heygen[simulator]' in str(error)\n"
            "else:\n    raise AssertionError"
        )

        assert without({"aiohttp"}, code) == "done []"

"""The pytest fixture `heygen_simulator`.

pytest loads this module in every run where the package is installed, so it imports nothing of the
package until a test uses the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .simulator import Simulator


@pytest.fixture
def heygen_simulator(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulator]:
    """Run a HeyGen simulator; a Flask app from the fixture ``app`` uses it during the test.

    That app's ``HEYGEN_BASE_URL`` and ``HEYGEN_API_KEY`` are set, and so are those of its other
    accounts. An app of another fixture calls it, too, unless it has a ``HEYGEN_BASE_URL`` or has
    made a request before. Needs the extra ``simulator``.
    """
    try:
        from .simulator import Simulator  # noqa: PLC0415  an extra, and a run without it is free
    except ImportError as error:
        pytest.fail(str(error), pytrace=False)
    from .backends import BACKENDS  # noqa: PLC0415

    with Simulator() as simulator:
        for backend in BACKENDS.values():  # no test calls, or pays, the vendor
            monkeypatch.setattr(backend, "base_url", simulator.url)
        app = _app(request)
        config = getattr(app, "config", None)
        if isinstance(config, dict):
            for prefix in _prefixes(app):
                monkeypatch.setitem(config, f"{prefix}_BASE_URL", simulator.url)
                monkeypatch.setitem(config, f"{prefix}_API_KEY", "simulated")
        yield simulator


def _app(request: pytest.FixtureRequest) -> Any:
    try:
        return request.getfixturevalue("app")
    except pytest.FixtureLookupError as error:
        if error.argname != "app":
            raise
        return None


def _prefixes(app: Any) -> set[str]:
    """Return the config prefixes of the app's accounts."""
    blueprints = getattr(app, "blueprints", {}).values()
    names = {getattr(each, "config_prefix", "HEYGEN") for each in blueprints}
    return {"HEYGEN", *names}

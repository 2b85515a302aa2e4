"""The files of the recipes, and apps that follow them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_heygen.simulator import Simulator
from tests import constants
from tests.servers.shop import create_app

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "example_app/recipes"
#: The key of the tokens in a header.
JWT_KEY = "a key of the host for its own tokens"


def settings_for(simulator: Simulator) -> dict[str, str]:
    """Return the environment in which a recipe's app finds its settings."""
    return {
        "FLASK_SECRET_KEY": "a secret of the host",
        "FLASK_HEYGEN_API_KEY": constants.KEY,
        "FLASK_HEYGEN_BASE_URL": simulator.url,
        "PYTHONPATH": str(ROOT),
    }


class Shop:
    """A host's app that follows a recipe."""

    def __init__(self, recipe: str, simulator: Simulator, **config: Any) -> None:
        values = {
            "SECRET_KEY": "a secret of the host",
            "HEYGEN_API_KEY": constants.KEY,
            "COACH_API_KEY": constants.KEY,
            "HEYGEN_BASE_URL": simulator.url,
            "COACH_BASE_URL": simulator.url,
            "JWT_KEY": JWT_KEY,
            "JWT_SECRET_KEY": JWT_KEY,
            "RATELIMIT_STORAGE_URI": "memory://",
            "TESTING": True,
            **config,
        }
        with pytest.MonkeyPatch.context() as environment:
            for name, value in values.items():
                environment.setenv(f"FLASK_{name}", json.dumps(value))
            self.app: Flask = create_app(recipe)

    def page(self, user: str | None = None) -> FlaskClient:
        """Return the browser of a user, signed in."""
        page = self.app.test_client()
        if user is not None:
            page.get(f"/login?user={user}")
        return page

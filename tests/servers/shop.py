"""The app of a recipe, in which a URL signs a user in; its settings are ``FLASK_*`` variables."""

from __future__ import annotations

import os
from importlib import import_module

from flask import Flask, current_app, request, session
from flask_login import login_user, logout_user

from example_app.recipes.login import User
from example_app.recipes.proxy import trust_proxy


def sign_in() -> str:
    """Sign in the user that the URL names."""
    session["user_id"] = request.args["user"]
    if hasattr(current_app, "login_manager"):
        login_user(User(request.args["user"]))
    return "Welcome."


def sign_out() -> str:
    """Sign out, and leave the rest of the session as it is."""
    session.pop("user_id", None)
    if hasattr(current_app, "login_manager"):
        logout_user()
    return "Goodbye."


def create_app(recipe: str, *, proxied: bool = False) -> Flask:
    """Return the app of a recipe with ``/login?user=…`` and ``/logout``, perhaps behind a proxy."""
    app: Flask = import_module(f"example_app.recipes.{recipe}").create_app()
    app.add_url_rule("/login", "sign_in", sign_in)
    app.add_url_rule("/logout", "sign_out", sign_out)
    if proxied:
        trust_proxy(app)
    return app


if "SHOP" in os.environ:
    app = create_app(os.environ["SHOP"], proxied="SHOP_PROXIED" in os.environ)

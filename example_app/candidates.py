"""Who takes the interview: a sign-in by name, with Flask-Login, so that sessions have owners."""

import secrets

from flask import Flask, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from flask_heygen import HeyGen

from .interview import INTERVIEW


class Candidate(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """Somebody who gave a name; the id tells two of the same name apart."""

    def __init__(self, id_and_name: str) -> None:
        self.id = id_and_name
        self.name = id_and_name.partition(" ")[2]


def ask_to_sign_in(app: Flask, avatar: HeyGen) -> None:
    """Have candidates sign in, and each avatar session belong to whoever started it."""
    login = LoginManager(app)
    login.login_view = "sign_in"
    login.login_message = None
    login.user_loader(Candidate)
    avatar.owner_loader(lambda: current_user.get_id())  # noqa: PLW0108  another user each time
    app.before_request(require_candidate)
    app.after_request(forbid_return)
    app.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    app.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


def require_candidate() -> ResponseReturnValue | None:
    """Send whoever wants to see the interview to the sign-in first; the rest is public."""
    if request.endpoint == "interview" and not current_user.is_authenticated:
        return redirect(url_for("sign_in"))
    return None


def forbid_return(response: Response) -> Response:
    """Have the browser keep no interview to go back to, once it is another candidate's."""
    if request.endpoint == "interview":
        response.cache_control.no_store = True
    return response


def sign_in() -> ResponseReturnValue:
    """Ask for a name. A product would ask for more; to the blueprint any login is as good."""
    name = " ".join(request.form.get("name", "").split())[:60]
    if not name:
        return render_template("sign_in.html", interview=INTERVIEW)

    login_user(Candidate(f"{secrets.token_hex(8)} {name}"))
    return redirect(url_for("interview"))


def sign_out() -> ResponseReturnValue:
    """Forget who it was."""
    logout_user()
    return redirect(url_for("sign_in"))

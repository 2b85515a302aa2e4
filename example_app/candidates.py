"""A sign-in by name with Flask-Login, so that each avatar session has an owner."""

import secrets

from flask import Flask, Response, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from flask_heygen import HeyGen


class Candidate(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A user who gave a name; the random id distinguishes two of the same name."""

    def __init__(self, id_and_name: str) -> None:
        self.id = id_and_name
        self.name = id_and_name.partition(" ")[2]


def require_sign_in(app: Flask, avatar: HeyGen) -> None:
    """Require a sign-in for the interview, and make each avatar session its candidate's own."""
    login = LoginManager(app)
    login.login_view = "sign_in"
    login.login_message = None
    login.user_loader(Candidate)
    avatar.owner_loader(lambda: current_user.get_id())  # noqa: PLW0108  a proxy: read it each time
    app.before_request(refuse_foreign_forms)
    app.before_request(require_candidate)
    app.after_request(forbid_return)
    app.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    app.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


def refuse_foreign_forms() -> None:
    """Refuse a form that another site's page sends: it would sign its visitor in as another."""
    if request.endpoint not in ("sign_in", "sign_out") or request.method != "POST":
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", request.host_url.rstrip("/"))
    if site not in ("same-origin", "none", None) or origin != request.host_url.rstrip("/"):
        abort(403)


def require_candidate() -> ResponseReturnValue | None:
    """Redirect to the sign-in before the interview; the rest is public."""
    if request.endpoint == "interview" and not current_user.is_authenticated:
        return redirect(url_for("sign_in"))
    return None


def forbid_return(response: Response) -> Response:
    """Keep the interview out of the browser's caches: the next candidate must not go back to it."""
    if request.endpoint == "interview":
        response.cache_control.no_store = True
    return response


def sign_in() -> ResponseReturnValue:
    """Ask for a name. A product would ask for more; any login will do for the blueprint."""
    name = " ".join(request.form.get("name", "").split())[:60]
    if not name:
        return render_template("sign_in.html", interview=current_app.config["INTERVIEW"])

    login_user(Candidate(f"{secrets.token_hex(8)} {name}"))
    return redirect(url_for("interview"))


def sign_out() -> ResponseReturnValue:
    """Sign the candidate out."""
    logout_user()
    return redirect(url_for("sign_in"))

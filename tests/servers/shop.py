"""A host whose users sign in with Flask-Login; the tests put the README's recipes below it."""

from flask import Flask, request, session
from flask_login import LoginManager, UserMixin, login_user, logout_user

from flask_heygen import HeyGen

app = Flask(__name__)
app.config.from_prefixed_env()
heygen_bp = HeyGen()
app.register_blueprint(heygen_bp)

login_manager = LoginManager(app)
login_manager.login_view = "sign_in"


def load_user(user_id: str) -> UserMixin:
    """Return the user of any id."""
    user = UserMixin()
    user.id = user_id
    return user


login_manager.user_loader(load_user)


@app.get("/login")
def sign_in() -> str:
    """Sign in whoever asks."""
    session["user_id"] = request.args["user"]
    login_user(load_user(request.args["user"]))
    return "Welcome."


@app.get("/logout")
def sign_out() -> str:
    """Sign out, and leave the rest of the session as it is."""
    session.pop("user_id", None)
    logout_user()
    return "Goodbye."

"""The server chooses the words, the avatar and the language; the page sends the id of a question.

- ``text_loader`` gets the ``text`` of the page and returns the text to speak, here a question of
  your database. It returns None for anything else: the page gets 403 ``text_refused``, so that
  users cannot put words into the interviewer's mouth. It may moderate instead.
- ``session_loader`` returns the session fields for this user, over ``HEYGEN_SESSION_DEFAULTS``. A
  page cannot set the fields that it returns.

Like the owner_loader, both are set before the registration, and are called in the request. With
LiveAvatar they bind pages that keep to the rules: everybody in the session's room can publish to
it, and make the avatar speak without your server.

The page: ``await avatar.speak("motivation")``. With the avatar's option ``browserVoice: false``
the browser's own voice does not read out the id if the avatar cannot speak. The captions show what
the page sent; let it fetch the question's text for them.
"""

from typing import Any

from flask import Flask, session

from flask_heygen import HeyGen

#: Your database.
QUESTIONS = {
    ("motivation", "en"): "Why would you like to work with us?",
    ("motivation", "de"): "Warum möchten Sie bei uns arbeiten?",
}


def language() -> str:
    return str(session.get("language", "en"))


def question(text: str) -> str | None:
    """Return the question with the id that the page sent, in the user's language."""
    return QUESTIONS.get((text, language()))


def session_fields() -> dict[str, Any]:
    return {"language": language()}


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    heygen.text_loader(question)
    heygen.session_loader(session_fields)
    app.register_blueprint(heygen)
    return app

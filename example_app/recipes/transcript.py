"""Transcripts: when an interview ends, store what was said beside your own rows (LiveAvatar).

- When a page stops its session, the transcript is stored within that request. If that fails, the
  log says so, the page's *stop* is a success all the same, and the command below tries again.
- A session that its page never stopped sends no signal. ``flask store-transcripts`` stores what has
  ended in the meantime: let cron run it every few minutes.
- The vendor keeps its copy until ``client.delete_transcript(session_id)`` deletes it for good.
- HeyGen's v1 streaming API has no transcripts: ``NotSupported``.

What users have said is personal data: let them know, and delete it when it has served.
"""

import json
import sqlite3
from contextlib import closing
from typing import Any

from flask import Flask, session

from flask_heygen import HeyGen, session_started, session_stopped

SCHEMA = """
CREATE TABLE IF NOT EXISTS interviews (session_id TEXT PRIMARY KEY, owner TEXT, transcript TEXT)
"""


class Interviews:
    """Your own rows, one for each avatar session."""

    def __init__(self, app: Flask, heygen: HeyGen) -> None:
        self._path = app.config.get("DATABASE", "interviews.sqlite")
        self._heygen = heygen
        session_started.connect(self.add, app, weak=False)
        session_stopped.connect(self.end, app, weak=False)
        app.cli.command("store-transcripts")(self.store_ended)

    def add(self, _app: Flask, *, owner: str, session_id: str, **_: Any) -> None:
        """Add the row of a session that has started."""
        self._execute("INSERT INTO interviews VALUES (?, ?, NULL)", session_id, owner)

    def end(self, _app: Flask, *, session_id: str, **_: Any) -> None:
        """Store the transcript of a session that its page has stopped."""
        self.store(session_id)

    def store_ended(self) -> None:
        """Store the transcripts of the sessions that have ended without their page."""
        waiting = self._execute("SELECT session_id FROM interviews WHERE transcript IS NULL")
        for (session_id,) in waiting:
            if self._heygen.client.session(session_id)["end_reason"]:
                self.store(session_id)

    def store(self, session_id: str) -> None:
        """Fetch a transcript, rows of ``role``, ``text`` and ``at``, and store it as JSON."""
        rows = self._heygen.client.transcript(session_id)
        update = "UPDATE interviews SET transcript = ? WHERE session_id = ?"
        self._execute(update, json.dumps(rows), session_id)

    def _execute(self, statement: str, *values: str) -> list[Any]:
        with closing(sqlite3.connect(self._path)) as database, database:
            database.execute(SCHEMA)
            return database.execute(statement, values).fetchall()


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()  # FLASK_DATABASE
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    Interviews(app, heygen)
    return app

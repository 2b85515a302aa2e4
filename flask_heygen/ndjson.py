"""Answers in two lines: that a request was accepted, and its outcome.

Browsers repeat a POST by themselves if a reused connection breaks before the first byte of the
answer, and the page does not know: a text would be spoken twice. A page that sends
``Accept: application/x-ndjson`` gets the first line before the vendor is called.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from flask import Response, current_app, got_request_exception, request, stream_with_context
from flask.globals import app_ctx

from .error_handlers import report_error
from .errors import HeyGenError
from .timing import start_timings

NDJSON = "application/x-ndjson"

Answer = dict[str, Any]

logger = logging.getLogger(__name__)


def respond(
    act: Callable[[], Answer], undo: Callable[[Answer], object] | None = None
) -> Answer | Response:
    """Return the answer of ``act``, in two lines if the page accepts them.

    Call it when the request has been validated; ``act`` calls the vendor. In two lines the status
    is 200, and an error has its own as ``http_status``; ``timings`` stand for ``Server-Timing``, as
    the headers have been sent. If the server cannot send the first line, ``act`` is not called; if
    it cannot send the second, ``undo`` is, with the answer.
    """
    if not _accepts_ndjson():
        return act()
    response = current_app.response_class(stream_with_context(_lines(act, undo)), mimetype=NDJSON)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep the first line back
    return response


def _accepts_ndjson() -> bool:
    if NDJSON not in request.headers.get("Accept", "").lower():  # to parse it takes longer
        return False
    accepted = request.accept_mimetypes
    # By name: a page that sends "*/*" expects one JSON object.
    best = accepted.best_match([NDJSON, "application/json"])
    return NDJSON in accepted.values() and best == NDJSON


def _lines(act: Callable[[], Answer], undo: Callable[[Answer], object] | None) -> Iterator[str]:
    yield '{"status": "accepted"}\n'
    timings = start_timings()
    answer = _outcome(act)
    spent = {name: round(each, 1) for name, each in timings.items()}
    try:
        if undo:
            # The first bytes can be sent though the browser has closed the connection: it refuses
            # them, and the next ones fail if that is known by then, as it is behind a proxy on
            # this machine.
            yield " "
        yield json.dumps({**answer, "timings": spent}) + "\n"
    except GeneratorExit:  # the server could not send it
        if undo and answer["status"] == "success":
            undo(answer)
        raise


def _outcome(act: Callable[[], Answer]) -> Answer:
    try:
        return act()
    except HeyGenError as raised:
        error = raised
        report_error(error)
    except Exception as fault:
        # As Flask does for an exception in a view; this runs after the view has returned.
        got_request_exception.send(app_ctx.app, exception=fault)
        propagate = current_app.config["PROPAGATE_EXCEPTIONS"]
        if current_app.testing if propagate is None else propagate:
            raise
        logger.exception("Exception on %s [%s]", quote(request.path), request.method)
        error = HeyGenError()
    return {"status": "error", "error": {**error.to_dict(), "http_status": error.status}}

"""HTTP calls to a vendor: bounded in time and size, retried only where that is safe."""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from flask_heygen.errors import HeyGenError, OutcomeUnknown, UpstreamFailed, UpstreamTimeout
from flask_heygen.timing import timed
from flask_heygen.tracebacks import hold_back

from .adapter import Adapter
from .connector import NotConnected
from .deadline import Deadline
from .stream import MAX_RESPONSE

#: Seconds; the longest wait that is passed on to a page.
MAX_RETRY_AFTER = 3600
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # responses are small, and none can be a gzip bomb
    "Content-Type": "application/json",
    "User-Agent": "flask-heygen",
}

logger = logging.getLogger(__name__)
logger.addFilter(hold_back)


@dataclass(frozen=True)
class Response:
    """A vendor's response; ``body`` is None if it is not JSON."""

    status: int
    body: Any
    #: Seconds, from the header ``Retry-After``.
    retry_after: int | None
    #: The body of a refusal in text/plain, empty for any other.
    text: str = ""

    @property
    def failed(self) -> bool:
        """True if the vendor, or a gateway before it, failed instead of answering."""
        return self.status >= 500 or (self.body is None and not self.text)


@dataclass(frozen=True)
class _Failure:
    """A call without a response.

    It is returned and not raised, because an exception raised while handling that of requests
    would hold it as its context, and with it the key, the token and the text.
    """

    sent: bool
    timed_out: bool
    reason: str

    def error(self, *, idempotent: bool) -> HeyGenError:
        if self.sent and not idempotent:
            return OutcomeUnknown()
        return UpstreamTimeout() if self.timed_out else UpstreamFailed()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, since no redirect is followed.

        With a target, requests reads the whole body, however large, and fails if it is no URL.
        """


class ApiClient:
    """The HTTP client of one vendor, for many threads or greenlets, but not across a fork."""

    def __init__(self, base_url: str) -> None:
        prepared = requests.Request("GET", base_url).prepare()  # with a host in ASCII
        self._base_url = str(prepared.url).rstrip("/")
        adapter = Adapter(base_url)
        self._session = _Session()
        self._session.trust_env = False  # the adapter has read proxies and CA bundle, once
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self) -> None:
        """Close idle connections now, and busy ones after their response."""
        self._session.close()

    @timed("upstream")
    def request(  # noqa: PLR0913  the parts of a request
        self,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        headers: Mapping[str, str],
        deadline: Deadline,
        idempotent: bool,
        method: str = "",
    ) -> Response:
        """Send ``body`` as JSON and return the response, whatever its status.

        ``method`` is by default POST, and GET without a body.
        A call that was surely not sent is retried once, and an idempotent one also if its
        response was lost or broken. No other call is: sent twice is spoken twice, or paid twice.

        Raises:
            UpstreamFailed: the vendor was not reached, or an idempotent call got no response.
            UpstreamTimeout: likewise, because the time was up.
            OutcomeUnknown: a call that is not idempotent may or may not have arrived.

        """
        method = method or ("GET" if body is None else "POST")
        outcome = self._send(method, path, body, headers, deadline)
        if isinstance(outcome, _Failure):
            again = idempotent or not outcome.sent
        else:
            again = idempotent and outcome.failed
        if again:
            time.sleep(random.uniform(0.05, 0.15))  # noqa: S311  jitter is no secret
            outcome = self._send(method, path, body, headers, deadline)
        if isinstance(outcome, _Failure):
            raise outcome.error(idempotent=idempotent)

        return outcome

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> Response | _Failure:
        timeout = deadline.remaining()
        request = self._prepare(method, path, body, headers)
        started = time.monotonic()
        try:
            response = _read(
                self._session.send(
                    request, proxies={}, stream=True, timeout=timeout, allow_redirects=False
                )
            )
        except NotConnected as error:
            failure = _Failure(sent=False, timed_out=error.timed_out, reason=str(error))
        except requests.ConnectTimeout:  # of an adapter that a test has mounted
            failure = _Failure(sent=False, timed_out=True, reason="ConnectTimeout")
        except (OSError, HTTPException) as error:  # those of requests are OSErrors
            # requests wraps the socket's. The log gets no message, which may echo what was sent.
            cause = next((each for each in error.args if isinstance(each, OSError)), error)
            timed_out = isinstance(cause, TimeoutError | requests.Timeout)
            failure = _Failure(sent=True, timed_out=timed_out, reason=type(cause).__name__)
        else:
            logger.debug("%s %s %d %.0f ms", method, path, response.status, _ms(started))
            return response
        logger.warning(
            "%s %s got no response in %.0f ms: %s", method, path, _ms(started), failure.reason
        )
        return failure

    def _prepare(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> requests.PreparedRequest:
        """Return what ``requests.Request.prepare`` would, without its cost for each call."""
        request = requests.PreparedRequest()
        request.method, request.url = method, self._base_url + path
        request.headers = CaseInsensitiveDict({**_HEADERS, **headers})
        if body is not None:
            request.body = json.dumps(body).encode()
            request.headers["Content-Length"] = str(len(request.body))
        return request


def _ms(started: float) -> float:
    return (time.monotonic() - started) * 1000


def _read(response: requests.Response) -> Response:
    with response:
        content = response.raw.read(MAX_RESPONSE + 1)
    try:
        body = json.loads(content) if len(content) <= MAX_RESPONSE else None
    except (ValueError, RecursionError):
        body = None
    headers = response.headers
    plain = body is None and headers.get("Content-Type", "").lower().startswith("text/plain")
    text = content.decode(errors="replace") if plain and 400 <= response.status_code < 500 else ""
    retry_after = _parse_retry_after(headers.get("Retry-After"))
    return Response(response.status_code, body, retry_after, text)


def _parse_retry_after(value: str | None) -> int | None:
    """Return the seconds of a ``Retry-After``, which is a number of them or a date."""
    if value is None:
        return None
    try:
        if value.strip().replace(".", "", 1).isdecimal():
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return math.ceil(min(max(seconds, 1), MAX_RETRY_AFTER))

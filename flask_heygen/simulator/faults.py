"""What can go wrong at the vendor, and which calls it is planned for."""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """A way to misbehave.  Where the call is not said to be acted on, it is not."""

    #: 401, the API's literal body.
    UNAUTHORIZED = "unauthorized"
    #: 410, the API is retired.
    SUNSET = "endpoint-sunset"
    #: 429 with a Retry-After of ``retry_after`` seconds.
    RATE_LIMITED = "rate-limited"
    #: 500 with a JSON body.
    SERVER_ERROR = "server-error"
    #: 502 with a proxy's HTML page.
    HTML = "html"
    #: 200 and a JSON content type, but no JSON.
    INVALID_JSON = "invalid-json"
    #: 200 in the success envelope, with ``data`` null.
    NO_DATA = "no-data"
    #: The connection is reset before a byte of reply.
    RESET_BEFORE = "reset-before"
    #: The call is acted on, then the connection is reset before a byte of reply.
    RESET_AFTER = "reset-after"
    #: The call is acted on, then the connection ends halfway through the reply's body.
    TRUNCATED = "truncated"
    #: The call is acted on, then the reply's body comes a byte every ``seconds``.
    SLOW_BODY = "slow-body"
    #: The same from the status line on.
    SLOW_HEADERS = "slow-headers"
    #: Nothing comes until the client goes away.
    NO_RESPONSE = "no-response"
    #: 400 whose message repeats the key, the token and the text of the request.
    ECHO = "echo"
    #: 307 to a path that the vendor does not have.
    REDIRECT = "redirect"
    #: 200 with 5 MB of JSON.
    HUGE = "huge"

    @property
    def acted(self) -> bool:
        """Whether the call is acted on before it goes wrong."""
        return self in {Fault.RESET_AFTER, Fault.TRUNCATED, Fault.SLOW_BODY, Fault.SLOW_HEADERS}

    @property
    def answered(self) -> bool:
        """Whether any byte of reply is sent."""
        return self not in {Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.NO_RESPONSE}


@dataclass(frozen=True)
class Mishap:
    """A fault as it is to happen."""

    fault: Fault
    #: How many calls it is for; None: all until cleared.
    times: int | None = 1
    retry_after: int = 7
    #: The pause between two bytes.
    seconds: float = 0.2


class Plan:
    """Which calls are to go wrong; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: defaultdict[str, deque[Mishap]] = defaultdict(deque)

    def add(self, name: str, mishap: Mishap) -> None:
        """Plan a mishap, behind those already planned for the same call."""
        once = [mishap] if mishap.times is None else [mishap] * mishap.times
        with self._lock:
            self._queues[name].extend(once)

    def take(self, name: str) -> Mishap | None:
        """Take the mishap that a call of this name meets now; one for ``*`` comes last."""
        with self._lock:
            for queue in (self._queues[name], self._queues["*"]):
                if queue:
                    return queue[0] if queue[0].times is None else queue.popleft()
        return None

    def reset(self) -> None:
        """Plan nothing."""
        with self._lock:
            self._queues.clear()

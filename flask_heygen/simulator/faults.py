"""The faults of the vendor, and the calls they are scheduled for."""

import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """A fault of one call, which is executed only where its comment says so."""

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
    #: The connection is reset before a byte of the response.
    RESET_BEFORE = "reset-before"
    #: The call is executed, then the connection is reset before a byte of the response.
    RESET_AFTER = "reset-after"
    #: The call is executed, then the connection ends halfway through the response's body.
    TRUNCATED = "truncated"
    #: The call is executed, then the response's body comes a byte every ``seconds``.
    SLOW_BODY = "slow-body"
    #: The same from the status line on.
    SLOW_HEADERS = "slow-headers"
    #: Nothing comes until the client closes the connection.
    NO_RESPONSE = "no-response"
    #: 400 whose message repeats the key, the token and the text of the request.
    ECHO = "echo"
    #: 307 to a path that the vendor does not have.
    REDIRECT = "redirect"
    #: 200 with 5 MB of JSON.
    HUGE = "huge"

    @property
    def acted(self) -> bool:
        """True if the call is executed before the fault."""
        return self in {Fault.RESET_AFTER, Fault.TRUNCATED, Fault.SLOW_BODY, Fault.SLOW_HEADERS}

    @property
    def answered(self) -> bool:
        """True if any byte of a response is sent."""
        return self not in {Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.NO_RESPONSE}


@dataclass(frozen=True)
class ScheduledFault:
    """A fault that is to happen."""

    fault: Fault
    #: How many calls it is for; None: all until cleared.
    times: int | None = 1
    retry_after: int = 7
    #: The pause between two bytes.
    seconds: float = 0.2


class FaultQueue:
    """The scheduled faults, by the name of a call; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = {"*"}
        self._queues: defaultdict[str, deque[ScheduledFault]] = defaultdict(deque)

    def know(self, names: Iterable[str]) -> None:
        """Add names of calls to those that `add` accepts."""
        self._names.update(names)

    def add(self, name: str, scheduled: ScheduledFault) -> None:
        """Schedule a fault behind those of the same call; raises ValueError for a wrong name."""
        if name not in self._names:
            raise ValueError(
                f"No call is named {name}; there are {', '.join(sorted(self._names))}."
            )

        once = [scheduled] if scheduled.times is None else [scheduled] * scheduled.times
        with self._lock:
            self._queues[name].extend(once)

    def take(self, name: str) -> ScheduledFault | None:
        """Take the fault of a call of this name; those for ``*`` come last."""
        with self._lock:
            for queue in (self._queues[name], self._queues["*"]):
                if queue:
                    return queue[0] if queue[0].times is None else queue.popleft()
        return None

    def reset(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._queues.clear()

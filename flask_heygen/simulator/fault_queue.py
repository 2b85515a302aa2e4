"""The faults that are scheduled for the next calls."""

import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from inspect import iscoroutinefunction

from .faults import FaultFunction


@dataclass(frozen=True)
class ScheduledFault:
    """A fault that is to happen."""

    function: FaultFunction
    #: How many calls it is for; None: all until cleared.
    times: int | None = 1
    retry_after: int = 7
    #: The pause between two bytes.
    seconds: float = 0.2


class FaultQueue:
    """The scheduled faults, by the name of a call; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = {"*", "unknown"}
        self._queues: defaultdict[str, deque[ScheduledFault]] = defaultdict(deque)

    def register(self, names: Iterable[str]) -> None:
        """Let `check` accept these names of calls."""
        self._names.update(names)

    def check(self, name: str) -> None:
        """Raise ValueError for a name that no call has."""
        if name not in self._names:
            raise ValueError(
                f"No call is named {name}; there are {', '.join(sorted(self._names))}."
            )

    def add(self, name: str, scheduled: ScheduledFault) -> None:
        """Schedule a fault behind those of the same call.

        Raises ValueError for a wrong name, and TypeError for a function that is not async.
        """
        self.check(name)
        if not _is_async(scheduled.function):
            raise TypeError(
                "A fault is a member of Fault, the name of one or an async function, "
                f"not {scheduled.function!r}."
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


def _is_async(function: object) -> bool:
    """Return whether an object is an async function, or can be called as one."""
    return iscoroutinefunction(function) or (
        callable(function) and iscoroutinefunction(type(function).__call__)
    )

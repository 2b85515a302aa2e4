"""Walk over everything that can be reached from an object, as a debugger or a log of it would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def reachable_texts(thing: object, seen: dict[int, object] | None = None) -> Iterator[str]:
    """Yield every text that can be reached from a value, such as an error and its causes.

    The variables of a traceback's frames are not among them.
    """
    seen = {} if seen is None else seen  # keeps the objects alive, so that no id is used twice
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    yield str(thing)
    yield repr(thing)
    inside = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    if isinstance(thing, Mapping):
        inside += [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        inside += thing
    elif isinstance(thing, bytes):
        yield thing.decode(errors="replace")
    elif isinstance(thing, BaseException):
        inside += [thing.args, thing.__cause__, thing.__context__]
    if not isinstance(thing, type):
        for each in inside:
            yield from reachable_texts(each, seen)

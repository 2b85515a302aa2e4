"""Measure all targets side by side, and print how they compare."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import uvloop

sys.path[0] = str(Path(__file__).parents[2])  # the project's root, in place of this directory

from tests.bench import rounds  # noqa: E402
from tests.bench.chart import chart  # noqa: E402
from tests.bench.harness import DIRECT, run_harness, upstream  # noqa: E402
from tests.bench.load import Load  # noqa: E402
from tests.bench.tables import markdown, renewed, terminal  # noqa: E402
from tests.bench.targets import HERE, Target, targets  # noqa: E402

CHART = HERE / "chart.svg"
README = HERE.parent / "README.md"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench",
        description=__doc__,
        epilog="Settings come from the environment: FLASK_HEYGEN_SPARE_TOKENS=64.",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds of the load before it")
    parser.add_argument("--run-in", type=float, default=4, help="seconds of load for each at first")
    parser.add_argument("--only", nargs="+", metavar="TARGET", help="these, and direct calls")
    parser.add_argument(
        "--loads",
        nargs="+",
        type=_load,
        default=rounds.LOADS,
        metavar="LOAD",
        help="20/s is tasks a second, 50 is so many in flight, 50-0ms with a vendor without delay",
    )
    parser.add_argument("--scheme", choices=("https", "http"), default="https")
    parser.add_argument("--threads", type=int, default=128, help="of each gthread worker")
    parser.add_argument("--workers", type=int, default=1, help="of ours; each other has one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--markdown", action="store_true", help="print the table of tests/README.md"
    )
    parser.add_argument("--write", action="store_true", help="update it and its chart")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and print."""
    told = options()
    if told.write:
        renewed(README.read_text(), "bench", "")  # fail before half an hour has passed
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # 1,000 connections, twice
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all processes end
    with tempfile.TemporaryDirectory() as name, upstream(told.scheme, Path(name)) as vendor:
        running = _chosen(
            targets(vendor.url, threads=told.threads, workers=told.workers), told.only
        )
        with run_harness(vendor, running, Path(name)) as harness:
            loads = {name: Load.named(name) for name in told.loads}
            plan = rounds.Plan(told.rounds, told.seconds, told.warm_up, told.run_in)
            names = [each.name for each in running]
            results = uvloop.run(rounds.measure(harness, names, loads, plan, _print))

    print(terminal(results))
    titles = {DIRECT: "the vendor's call itself"} | {each.name: each.title for each in running}
    if told.markdown:
        print(markdown(results, titles))
    if told.json:
        told.json.write_text(json.dumps(asdict(results), indent=1) + "\n")
    if told.write:
        README.write_text(renewed(README.read_text(), "bench", markdown(results, titles)))
        CHART.write_text(chart(results, {name: titles[name] for name in names}))


def _load(name: str) -> str:
    try:
        Load.named(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{name!r} is not a load; examples: 20/s, 50, 50-0ms"
        ) from error
    return name


def _chosen(all_of_them: Sequence[Target], names: Sequence[str] | None) -> list[Target]:
    """Return the targets asked for, without those that are not installed."""
    chosen = [each for each in all_of_them if not names or each.name in names]
    unknown = set(names or ()) - {each.name for each in chosen}
    if unknown:
        sys.exit(f"There is no target named {', '.join(unknown)}.")
    for each in chosen:
        if each.missing:
            _print(f"{each.name} is left out: {', '.join(each.missing)} is not installed.")
    return [each for each in chosen if not each.missing]


def _print(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Ended.")

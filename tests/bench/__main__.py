"""Benchmark all targets side by side and print their figures."""

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
from tests.bench.tables import markdown, replace_table, terminal  # noqa: E402
from tests.bench.targets import HERE, Target, targets  # noqa: E402

CHART = HERE / "chart.svg"
README = HERE.parent / "README.md"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench",
        description=__doc__,
        epilog="The environment sets the options of flask_heygen: FLASK_HEYGEN_SPARE_TOKENS=64.",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="length of each measurement")
    parser.add_argument(
        "--warm-up", type=float, default=2, help="seconds of the same load before it"
    )
    parser.add_argument(
        "--run-in",
        type=float,
        default=4,
        help="seconds of load for each target before the first round",
    )
    parser.add_argument("--only", nargs="+", metavar="TARGET", help="only these, and direct calls")
    parser.add_argument(
        "--loads",
        nargs="+",
        type=_load,
        default=rounds.LOADS,
        metavar="LOAD",
        help="20/s: tasks per second; 50: tasks in flight; 50-0ms: a vendor without latency",
    )
    parser.add_argument("--scheme", choices=("https", "http"), default="https")
    parser.add_argument("--threads", type=int, default=128, help="threads of each gthread worker")
    parser.add_argument(
        "--workers", type=int, default=1, help="workers of flask_heygen; each other target has one"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument(
        "--markdown", action="store_true", help="print the table of tests/README.md"
    )
    parser.add_argument("--write", action="store_true", help="update this table and its chart")
    return parser.parse_args(arguments)


def main() -> None:
    """Run the benchmark and print the results."""
    args = options()
    if args.write:
        replace_table(README.read_text(), "bench", "")  # fail now, not after half an hour
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for 1,000 connections, twice
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # run all finally blocks
    with tempfile.TemporaryDirectory() as name, upstream(args.scheme, Path(name)) as vendor:
        running = _chosen(
            targets(vendor.url, threads=args.threads, workers=args.workers), args.only
        )
        with run_harness(vendor, running, Path(name)) as harness:
            loads = {name: Load.named(name) for name in args.loads}
            plan = rounds.Plan(args.rounds, args.seconds, args.warm_up, args.run_in)
            names = [each.name for each in running]
            results = uvloop.run(rounds.measure(harness, names, loads, plan, _print))

    print(terminal(results))
    titles = {DIRECT: "the vendor's call itself"} | {each.name: each.title for each in running}
    if args.markdown:
        print(markdown(results, titles))
    if args.json:
        args.json.write_text(json.dumps(asdict(results), indent=1) + "\n")
    if args.write:
        README.write_text(replace_table(README.read_text(), "bench", markdown(results, titles)))
        CHART.write_text(chart(results, {name: titles[name] for name in names}))


def _load(name: str) -> str:
    try:
        Load.named(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{name!r} is not a load; examples: 20/s, 50, 50-0ms"
        ) from error
    return name


def _chosen(available: Sequence[Target], names: Sequence[str] | None) -> list[Target]:
    """Return the selected targets, without those that are not installed."""
    chosen = [each for each in available if not names or each.name in names]
    unknown = set(names or ()) - {each.name for each in chosen}
    if unknown:
        sys.exit(f"There is no target named {', '.join(unknown)}.")
    for each in chosen:
        if each.missing:
            _print(f"{each.name} is skipped: {', '.join(each.missing)} is not installed.")
    return [each for each in chosen if not each.missing]


def _print(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Ended.")

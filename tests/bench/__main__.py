"""The command: measure all contenders side by side, and tell how they compare."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import uvloop

sys.path[0] = str(Path(__file__).parents[2])  # the project's root, in place of this directory

from tests.bench import rounds, tables  # noqa: E402
from tests.bench.contenders import contenders  # noqa: E402
from tests.bench.stand import stand, upstream  # noqa: E402


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python tests/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before each")
    parser.add_argument("--run-in", type=float, default=4, help="seconds of each contender's first")
    parser.add_argument("--only", nargs="+", metavar="CONTENDER", help="these, and direct")
    parser.add_argument("--loads", nargs="+", metavar="LOAD", help="these, by name")
    parser.add_argument("--scheme", choices=("https", "http"), default="https")
    parser.add_argument("--threads", type=int, default=64, help="of each gthread worker")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go")
    return parser.parse_args()


def main() -> None:
    """Run it."""
    told = options()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended."))
    loads = [load for load in rounds.LOADS if not told.loads or load.name in told.loads]
    plan = rounds.Plan(told.rounds, told.seconds, told.warm_up, told.run_in)
    with tempfile.TemporaryDirectory() as name, upstream(told.scheme, Path(name)) as vendor:
        all_of_them = contenders(vendor.url, threads=told.threads)
        running = [each for each in all_of_them if not told.only or each.name in told.only]
        with stand(vendor, running, Path(name)) as standing:
            names = [each.name for each in running]
            measured = rounds.measure(standing, names, loads, plan, _tell)
            ceiling, results = uvloop.run(measured)
    print(tables.terminal(results, ceiling))
    if told.json:
        plain = {
            load: {name: asdict(figures) for name, figures in row.items()}
            for load, row in results.items()
        }
        told.json.write_text(json.dumps({"ceiling": ceiling, "loads": plain}, indent=1))


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()

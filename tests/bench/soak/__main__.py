"""Hold interviews under faults and restarts, and check that no text is lost or spoken twice."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[3])  # the project's root, in place of this directory

from tests.bench.pages import Endpoint, pages  # noqa: E402
from tests.bench.servers import Server  # noqa: E402
from tests.bench.soak.checks import check, still_open  # noqa: E402
from tests.bench.soak.interviews import PATIENCE, Page  # noqa: E402
from tests.bench.soak.report import Report, counted, markdown, quantiles, terminal  # noqa: E402
from tests.bench.soak.scenario import TOKEN_SECONDS, Vendor, run_vendor  # noqa: E402
from tests.bench.soak.workers import KINDS, Workers, server  # noqa: E402
from tests.bench.tables import replace_table  # noqa: E402
from tests.bench.targets import ROOT  # noqa: E402

README = ROOT / "tests/README.md"
INTERVIEWS = {"gevent": 300, "gthread": 100}
#: Seconds within which gunicorn must answer its first request.
_START = 30
#: Seconds for the pages to get their last answer and stop their session, with retries.
_LAST_ANSWERS = 3 * PATIENCE
#: Seconds to wait for background work.
_SETTLE = 1


@dataclass(frozen=True)
class Plan:
    """The load and the disturbances of a run."""

    interviews: int
    seconds: float
    #: Shortest and longest pause between two texts, in seconds.
    think: tuple[float, float]
    seed: int
    #: Lifetime of a session token, in seconds.
    token_seconds: float

    @property
    def faults(self) -> float:
        """Number of failing vendor calls per second."""
        return max(2, self.interviews / 50)

    @property
    def disturbances(self) -> list[float]:
        """The seconds at which workers are replaced, in the first third so that some live on."""
        times = 2 * max(1, round(self.seconds / 120))
        return [self.seconds / 3 * number / times for number in range(1, times + 1)]

    @property
    def warm_up(self) -> float:
        """The seconds of a worker's life that its growth leaves out."""
        return min(240, self.seconds / 6)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python tests/bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=24, help="duration for each worker class")
    parser.add_argument("--worker", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--interviews", type=int, help="at once; default: 300 for gevent, 100 for gthread"
    )
    parser.add_argument(
        "--think", type=float, nargs=2, default=(2, 6), help="seconds between texts"
    )
    parser.add_argument(
        "--token-seconds",
        type=float,
        default=TOKEN_SECONDS,
        help="lifetime of a session token",
    )
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all reports to FILE")
    parser.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="write logs, answers and tokens to FOLDER"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print the table of tests/README.md"
    )
    parser.add_argument("--write", action="store_true", help="update this table")
    return parser.parse_args(arguments)


def main() -> None:
    """Run the soak for each worker class and print the reports."""
    args = options()
    if args.write:
        replace_table(README.read_text(), "soak", "")  # fail now, not after the soak
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # run all finally blocks
    reports = {}
    for kind in args.worker:
        interviews = args.interviews or INTERVIEWS[kind]
        seconds = args.minutes * 60
        plan = Plan(interviews, seconds, tuple(args.think), args.seed, args.token_seconds)
        reports[kind] = soak(kind, plan, args.logs)
        print(terminal(kind, reports[kind]), flush=True)

    if args.markdown:
        print(markdown(reports))
    if args.json:
        figures = {kind: asdict(report) for kind, report in reports.items()}
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    if args.write:
        README.write_text(replace_table(README.read_text(), "soak", markdown(reports)))
    if not all(report.violations.good and not report.tracebacks for report in reports.values()):
        sys.exit(1)


def soak(kind: str, plan: Plan, logs: Path | None = None) -> Report:
    """Run the soak with one worker class; write logs, answers and tokens below ``logs``."""
    with (
        tempfile.TemporaryDirectory() as name,
        run_vendor(plan.faults, plan.seed, plan.token_seconds) as vendor,
    ):
        folder = Path(name) if logs is None else logs / kind
        folder.mkdir(parents=True, exist_ok=True)
        running = server(kind, vendor.url, folder)
        try:
            return asyncio.run(_soak(running, vendor, plan, folder))
        finally:
            running.close()


async def _ready(running: Server) -> None:
    """Wait for the first answer, as gunicorn exits if it is reloaded before."""
    try:
        async with pages(Endpoint(running.port, "/api/heygen/no-such-route")) as page:
            await asyncio.wait_for(page.ask({}), _START)
    except asyncio.TimeoutError:
        raise RuntimeError(f"gunicorn has not answered:\n{running.log}") from None


async def _soak(running: Server, vendor: Vendor, plan: Plan, folder: Path) -> Report:
    await _ready(running)
    begin = time.monotonic()
    until = begin + plan.seconds
    workers = Workers(running, plan.seed)
    crowd = [
        Page(running.port, number, plan.think, until=until, seed=plan.seed)
        for number in range(plan.interviews)
    ]
    at_once = [
        workers.watch(until),
        workers.disturb([begin + each for each in plan.disturbances]),
        *(page.run() for page in crowd),
    ]
    tasks = [asyncio.create_task(each) for each in at_once]
    for ended in asyncio.as_completed(tasks, timeout=plan.seconds + _LAST_ANSWERS):
        await ended
    await asyncio.sleep(_SETTLE)

    running.end()
    answers = [answer for page in crowd for answer in page.answers]
    record = vendor.record()
    (folder / "answers.log").write_text("\n".join(json.dumps(each.data) for each in answers))
    (folder / "tokens").write_text("\n".join(record.tokens))
    p50, p99 = quantiles(answers)
    return Report(
        plan.interviews,
        plan.seconds / 60,
        counted(answers),
        p50,
        p99,
        check(answers, record),
        still_open(answers, record),
        record.calls,
        len(record.tokens),
        sum(page.browser.resent for page in crowd),
        len(record.spoken),
        workers.reloads,
        workers.kills,
        workers.lives(plan.warm_up),
        running.log.count("Traceback"),
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Ended.")

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
from tests.bench.tables import renewed  # noqa: E402
from tests.bench.targets import ROOT  # noqa: E402

README = ROOT / "tests/README.md"
INTERVIEWS = {"gevent": 300, "gthread": 100}
#: Seconds that gunicorn may take until it answers.
_START = 30
#: Seconds; a page may be waiting, and then it stops its session, more than once if need be.
_LAST_ANSWERS = 3 * PATIENCE
#: Seconds in which background work ends.
_SETTLE = 1


@dataclass(frozen=True)
class Plan:
    """The load and the disturbances of a run."""

    interviews: int
    seconds: float
    #: Seconds that a page pauses between two texts, at least and at most.
    think: tuple[float, float]
    seed: int
    #: Seconds that a session token is good for.
    token_seconds: float

    @property
    def faults(self) -> float:
        """How many calls of the vendor go wrong in a second."""
        return max(2, self.interviews / 50)

    @property
    def disturbances(self) -> list[float]:
        """The seconds at which workers are replaced: in the first third, so that some live on."""
        times = 2 * max(1, round(self.seconds / 120))
        return [self.seconds / 3 * number / times for number in range(1, times + 1)]

    @property
    def warm_up(self) -> float:
        """The seconds after which a worker's growth is more than its beginning."""
        return min(240, self.seconds / 6)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python tests/bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=24, help="for each kind of worker")
    parser.add_argument("--worker", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--interviews", type=int, help="at once; the default is each worker's own")
    parser.add_argument(
        "--think", type=float, nargs=2, default=(2, 6), help="seconds between texts"
    )
    parser.add_argument(
        "--token-seconds",
        type=float,
        default=TOKEN_SECONDS,
        help="that a session token is good for",
    )
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all reports there")
    parser.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="keep there what is logged, answered and secret"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print the table of tests/README.md"
    )
    parser.add_argument("--write", action="store_true", help="update it")
    return parser.parse_args(arguments)


def main() -> None:
    """Soak each kind of worker, and print the reports."""
    told = options()
    if told.write:
        renewed(README.read_text(), "soak", "")  # fail before the time has passed
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all processes end
    reports = {}
    for kind in told.worker:
        interviews = told.interviews or INTERVIEWS[kind]
        seconds = told.minutes * 60
        plan = Plan(interviews, seconds, tuple(told.think), told.seed, told.token_seconds)
        reports[kind] = soak(kind, plan, told.logs)
        print(terminal(kind, reports[kind]), flush=True)

    if told.markdown:
        print(markdown(reports))
    if told.json:
        figures = {kind: asdict(report) for kind, report in reports.items()}
        told.json.write_text(json.dumps(figures, indent=1) + "\n")
    if told.write:
        README.write_text(renewed(README.read_text(), "soak", markdown(reports)))
    if not all(report.violations.good and not report.tracebacks for report in reports.values()):
        sys.exit(1)


def soak(kind: str, plan: Plan, logs: Path | None = None) -> Report:
    """Soak one kind of worker; keep its logs, answers and secrets below ``logs``."""
    with (
        tempfile.TemporaryDirectory() as name,
        run_vendor(plan.faults, plan.seed, plan.token_seconds) as vendor,
    ):
        folder = Path(name) if logs is None else logs / kind
        folder.mkdir(exist_ok=True)
        running = server(kind, vendor.url, folder)
        try:
            return asyncio.run(_soak(running, vendor, plan, folder))
        finally:
            running.close()


async def _ready(running: Server) -> None:
    """Wait for the first answer: gunicorn would end if it had to reload before."""
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
    (folder / "answers.log").write_text("\n".join(json.dumps(each.told) for each in answers))
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

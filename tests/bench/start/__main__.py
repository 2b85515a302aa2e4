"""Measure the time of a session start, on the server and in a browser.

A simulated vendor takes 120 ms to create a token and 300 ms to create a session; LiveAvatar's
avatar joins its room 300 ms later. All targets take turns, and the tables show medians.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

sys.path[0] = str(Path(__file__).parents[3])  # the project's root, in place of this directory

from flask_heygen.simulator import Simulator  # noqa: E402
from tests.bench.start.calls import Started, direct, measure, through  # noqa: E402
from tests.bench.start.hosts import APIS, WORKERS, hosts  # noqa: E402
from tests.bench.start.visits import MOMENTS, chromium, visit  # noqa: E402

#: Seconds until the avatar joins, and until each reply.
AGENT = 0.3
LATENCY = {
    "create_token": 0.12,
    "new": 0.3,
    "start": 0.15,
    "sessions.token": 0.12,
    "sessions.start": 0.3,
}


def options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/start",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rounds", type=int, default=8, help="measured rounds, after one that is not"
    )
    parser.add_argument("--only", choices=("server", "browser"), help="measure only this")
    return parser.parse_args()


def main() -> None:
    """Run the measurements and print the tables."""
    chosen = options()
    with (
        tempfile.TemporaryDirectory() as name,
        Simulator(
            joined=False, concurrent_limit=100, agent_seconds=AGENT, latency=LATENCY
        ) as vendor,
        hosts(vendor.url, Path(name)) as urls,
    ):
        if chosen.only != "browser":
            _table(*_measure_server(vendor, urls, chosen.rounds))
        if chosen.only != "server":
            _table(*_measure_browser(urls, chosen.rounds))


def _measure_server(
    vendor: Simulator, urls: Mapping[tuple[str, str], str], rounds: int
) -> tuple[list[str], Iterable[list[str]]]:
    starts = {
        (api, name): through(urls[api, name]) if name in WORKERS else direct(api, vendor.url)
        for api in APIS
        for name in ("direct", *WORKERS)
    }
    found: dict[tuple[str, str], list[Started]] = defaultdict(list)
    for _ in range(rounds + 1):
        for target, start in starts.items():
            found[target].append(measure(start, vendor))
    heads = ["start, p50 in ms", "direct calls", *WORKERS, "calls, direct", *WORKERS]
    names = ("direct", *WORKERS)
    rows = []
    for api in APIS:
        one = [found[api, name][1:] for name in names]
        times = (median(each.milliseconds for each in starts) for starts in one)
        calls = (median(each.calls for each in starts) for starts in one)
        rows.append([api, *(f"{each:.0f}" for each in times), *(f"{each:g}" for each in calls)])
    return heads, rows


def _measure_browser(
    urls: Mapping[tuple[str, str], str], rounds: int
) -> tuple[list[str], Iterable[list[str]]]:
    pages = {
        "this module, LiveAvatar": f"{urls['liveavatar', 'gthread']}/module.html",
        "LiveAvatar's SDK": f"{urls['liveavatar', 'gthread']}/sdk.html",
        "this module, v1": f"{urls['streaming', 'gthread']}/module.html",
    }
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    with chromium() as browser:
        for _ in range(rounds + 1):
            for title, url in pages.items():
                found[title].append(visit(browser, url))
    heads = ["from the click, in ms", "live", "first picture", "first word"]
    rows = []
    for title, visits in found.items():
        times = (median(each[moment] for each in visits[1:]) for moment in MOMENTS)
        rows.append([title, *(f"{each:,.0f}" for each in times)])
    return heads, rows


def _table(heads: list[str], rows: Iterable[list[str]]) -> None:
    for row in (heads, ["---", *("--:" for _ in heads[1:])], *rows):
        print(f"| {' | '.join(row)} |")
    print()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Two builds of the library against each other, before and after a change of kernels: one process, the same
tensors and configs, CUDA-graph replays in turns, and sustained (each alone after half a second of itself). CSV out.

    python3 tools/bench/before_after.py --before old/libwarpfinch.so --shapes --database '' --output FILE

Columns: tag, config, before_us, after_us (medians in turns), ratio (before_us / after_us: above 1 the change is
faster), before_sustained_us, after_sustained_us, ratio_sustained, spread (after: interquartile range / median),
same (are the outputs the same bits?). The library of `build/`, or WARPFINCH_LIBRARY, is the one after.
"""

import importlib
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import data
import shapes

COLUMNS = ("tag", "problem", "config", "before_us", "after_us", "ratio", "before_sustained_us",
           "after_sustained_us", "ratio_sustained", "spread", "same")
FORWARD = str(Path(__file__).resolve().with_name("forward.csv"))
SUSTAINED_S = 0.5


def package_over(library, folder=None):
    """A copy of the Python package over that library, or over the one that it finds itself."""
    if folder:
        sys.path.insert(0, folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "warpfinch"]:
        del sys.modules[name]
    kept = os.environ.get("WARPFINCH_LIBRARY")
    if library:
        os.environ["WARPFINCH_LIBRARY"] = library
    package = importlib.import_module("warpfinch")
    package.version()  # loads the library while the variable names it
    if folder:
        sys.path.remove(folder)
    if library:
        os.environ.pop("WARPFINCH_LIBRARY")
    if kept:
        os.environ["WARPFINCH_LIBRARY"] = kept
    return package


def sustained(run):
    """Microseconds per launch of back-to-back replays, after as long of the same."""
    import torch
    from timing import capture
    captured = capture(run)
    samples = []
    for _ in range(2):
        samples, end = [], time.monotonic() + SUSTAINED_S
        while time.monotonic() < end:
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            for _ in range(4):
                captured.graph.replay()
            stop.record()
            torch.cuda.synchronize()
            samples.append(start.elapsed_time(stop) * 250 / captured.launches)
    return statistics.median(samples)


def measure(shape, plans, options):
    import torch
    from attention import launcher
    from timing import time_interleaved
    generator = torch.Generator(options.device).manual_seed(1)
    tensors = [data.tensor(buffer, options.device, generator) for buffer in plans["after"].buffers]
    runs = {name: launcher(plan, tensors, options.device) for name, plan in plans.items()}
    outputs = {}
    for name, run in runs.items():
        run()
        torch.cuda.synchronize()
        outputs[name] = tensors[-1].clone()
    times = time_interleaved(runs, options.rounds, options.row_seconds)
    long = {name: sustained(run) for name, run in runs.items()}
    before, after = times["before"].median, times["after"].median
    return {"tag": shape.tag, "problem": plans["after"].problem, "config": plans["after"].config,
            "before_us": before, "after_us": after, "ratio": before / after,
            "before_sustained_us": long["before"], "after_sustained_us": long["after"],
            "ratio_sustained": long["before"] / long["after"], "spread": times["after"].spread,
            "same": str(torch.equal(outputs["before"], outputs["after"]))}


def main():
    parser = shapes.option_parser(__doc__, FORWARD)
    parser.add_argument("--before", metavar="FILE", help="the other build's libwarpfinch.so")
    parser.add_argument("--before-python", metavar="DIR",
                        help="the other build's tools/python, where its interface is another one")
    parser.add_argument("--before-configs", metavar="DIR",
                        help="shipped configs of the other build, which then runs its own ones; by default both run "
                             "the config that the library after chooses")
    parser.add_argument("--row-seconds", type=float, default=1.5, help="of timing in turns per row at most")
    options = parser.parse_args()
    if not options.before and not options.dry_run:
        parser.error("--before says what to compare with")
    todo = shapes.chosen(options)
    if options.dry_run:
        return shapes.dry_run(options, todo)
    packages = {"before": package_over(options.before, options.before_python), "after": package_over(None)}
    import torch
    from report import Report
    torch.cuda.set_device(options.device)
    report = Report(options.output, COLUMNS, options.device)
    engines = {"after": packages["after"].engine(options.device, options.database)}
    engines["after"].plan(todo[0].problem)  # reads the shipped configs, each engine once
    if options.before_configs:
        os.environ["WARPFINCH_CONFIGS"] = options.before_configs
    engines["before"] = packages["before"].engine(options.device, options.database)

    def plans_of(shape):
        config = options.config
        found = {}
        for name in ("after", "before"):  # both run the config that the library after chooses
            found[name] = engines[name].plan(shape.problem, config)
            config = options.config if options.before_configs else found[name].config
        return found
    ratios = []
    with torch.no_grad():
        with ThreadPoolExecutor() as pool:
            planned = list(pool.map(plans_of, todo))
        for shape, plans in zip(todo, planned):
            row = measure(shape, plans, options)
            report.row(row)
            ratios.append((row["ratio"], row["ratio_sustained"], shape.tag))
            torch.cuda.empty_cache()
    for i, way in enumerate(("in turns", "sustained")):
        least = min(ratios, key=lambda row: row[i])
        report.note(f"{way}: geomean of before / after {statistics.geometric_mean(row[i] for row in ratios):.4f}, "
                    f"least {least[i]:.4f} ({least[2]})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

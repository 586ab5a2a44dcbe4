#!/usr/bin/env python3
"""How good is a config that was tuned for another shape? Random shapes in the neighbourhood of a list are
timed with the config that look-up gives them, and with the one that a short tuning run of their own finds, in
turns on the same buffers. CSV out, the geomean of tuned over looked-up time at the end: 1 is as good as
tuned.

    python3 tools/bench/neighbours.py --shapes --count 20 --seed 1 --budget 40s --output neighbours-h200.csv

Needs a GPU and PyTorch. Looked up is what a user without a database gets: the shipped configs, else the
model. The tuning runs use the program that WARPFINCH_PROGRAM names, by default build/bin/warpfinch. Columns:
tag, problem, looked_up, looked_up_us, tuned, tuned_us, ratio (tuned_us / looked_up_us), spread.
"""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import data
import shapes
from attention import FORWARD, launcher
from targets import geomean

COLUMNS = ("tag", "problem", "looked_up", "looked_up_us", "tuned", "tuned_us", "ratio", "spread")
ROOT = Path(__file__).resolve().parents[2]
NUMBERS = ("batch", "q_heads", "kv_heads", "q_len", "kv_len", "head_dim")
MOST_FLOPS = 6e11  # longer ones take the time of many others


def flops(known):
    pairs = known["q_len"] * known["kv_len"] / (1 if known["mask"] == "none" else 2)
    return 4.0 * known["batch"] * known["q_heads"] * pairs * known["head_dim"]


def neighbour(shape, draw):
    """A shape like this one, but with other lengths, heads and batch; head dim and mask stay."""
    known = shapes.fields(shape.problem)
    numbers = {key: int(known[key]) for key in NUMBERS}
    group = draw.choice([1, 2, 4, numbers["q_heads"] // numbers["kv_heads"]])
    numbers["kv_heads"] = max(1, round(numbers["kv_heads"] * draw.choice([0.5, 0.75, 1, 1.5])))
    numbers["q_heads"] = numbers["kv_heads"] * group
    numbers["batch"] = max(1, round(numbers["batch"] * draw.choice([0.5, 1, 2, 3])))
    numbers["q_len"] = numbers["kv_len"] = max(16, int(numbers["q_len"] * 2 ** draw.uniform(-1, 1)))
    if flops(numbers | {"mask": known["mask"]}) > MOST_FLOPS:
        return neighbour(shape, draw)
    words = " ".join(f"{key}={value}" for key, value in numbers.items())
    words += "".join(f" {key}={known[key]}" for key in ("dtype", "mask", "layout"))
    return shapes.Shape(f"like-{shape.tag}", f"attention_forward {words}")


def neighbours(todo, count, seed):
    draw = random.Random(seed)
    small = [shape for shape in todo if flops({key: int(value) if value.isdigit() else value for key, value in
                                               shapes.fields(shape.problem).items()}) < 4 * MOST_FLOPS]
    return [neighbour(draw.choice(small), draw) for _ in range(count)]


def tune(todo, options, database):
    """Own tuning runs of all shapes, which start from what is shipped, as a user's would."""
    program = os.environ.get("WARPFINCH_PROGRAM", ROOT / "build/bin/warpfinch")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as listed:
        listed.writelines(f"- {shape.problem}\n" for shape in todo)
        listed.flush()
        words = ["--shapes", listed.name, "--database", database, "--budget", options.budget,
                 "--device", options.device, "--jobs", str(options.jobs)]
        subprocess.run([program, "tune", *words], check=True, stdout=sys.stderr)


def measure(shape, options, report, database):
    """One row."""
    import warpfinch
    from timing import time_interleaved
    plans = {"looked_up": warpfinch.plan(shape.problem, None, options.device, ""),
             "tuned": warpfinch.plan(shape.problem, None, options.device, database)}
    import torch
    generator = torch.Generator(options.device).manual_seed(1)
    tensors = [data.tensor(buffer, options.device, generator) for buffer in plans["tuned"].buffers]
    times = time_interleaved({name: launcher(plan, tensors, options.device) for name, plan in plans.items()},
                             options.rounds, 2)
    return {"tag": shape.tag, "problem": shape.problem, "looked_up": plans["looked_up"].config,
            "looked_up_us": times["looked_up"].median, "tuned": plans["tuned"].config,
            "tuned_us": times["tuned"].median, "ratio": times["tuned"].median / times["looked_up"].median,
            "spread": times["looked_up"].spread}


def measure_all(todo, options, report, database):
    """The ratios of those that could be measured."""
    import torch
    ratios = []
    for shape in todo:
        try:
            row = measure(shape, options, report, database)
        except (RuntimeError, ValueError) as error:
            report.note(f"{shape.problem}: FAILED: {error}")
            continue
        report.row(row)
        ratios.append(row["ratio"])
        torch.cuda.empty_cache()
    return ratios


def main():
    parser = shapes.option_parser(__doc__, FORWARD)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", default="40s", help="of each tuning run")
    parser.add_argument("--jobs", type=int, default=3, help="tuning runs at a time")
    options = parser.parse_args()
    todo = neighbours(shapes.chosen(options), options.count, options.seed)
    if options.dry_run:
        return shapes.dry_run(options, todo)
    import torch
    from report import Report
    torch.cuda.set_device(options.device)
    report = Report(options.output, COLUMNS, options.device)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        database = str(Path(folder) / "neighbours.db")
        tune(todo, options, database)
        ratios = measure_all(todo, options, report, database)
    report.note(f"geomean of tuned over looked-up time over {len(ratios)} of {len(todo)} shapes: "
                f"{geomean(ratios) or 0:.4f}")
    return int(len(ratios) < len(todo))


if __name__ == "__main__":
    sys.exit(main())

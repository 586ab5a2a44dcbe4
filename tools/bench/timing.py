"""Times several implementations of one thing against each other, fairly: each is captured into a CUDA graph
of several launches, and the graphs are replayed in turns between events, so that clock, heat and neighbours
treat all alike. Needs PyTorch and a GPU.

A replay that is timed stands behind one of the same graph that is not, and the order of a round is drawn
anew: what a sample finds in L2, and how hot and how fast the card is, then follows from its own kernel and
not from whose turn was before it. Long launches are preceded by long warming: they are governed by power and
heat.
"""

import random
import statistics
import time
from dataclasses import dataclass

import torch

GRAPH_US = 2000             # wanted length of one replay
MOST_LAUNCHES = 20
WARM_UP_MS = 60
LONG_LAUNCH_US = 5000       # from here on heat decides
WARM_UP_LONG_MS = 1500
FEWEST_ROUNDS = 5
# Keeps the GPU busy while the host enqueues the replay (about 100 us), so that the events see the GPU only.
HEAD_START_CYCLES = 200_000


@dataclass(frozen=True)
class Times:
    """Microseconds per launch."""

    median: float
    low: float
    high: float
    spread: float  # (third quartile - first quartile) / median
    samples: tuple


def summary(samples):
    first, middle, third = statistics.quantiles(samples, n=4, method="inclusive")
    return Times(middle, min(samples), max(samples), (third - first) / middle, tuple(samples))


def launches_per_graph(launch_us):
    """So many that a replay is long against what events resolve, yet one where a launch is long itself."""
    return max(1, min(MOST_LAUNCHES, round(GRAPH_US / max(launch_us, 1e-3))))


def _between_events(action):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda._sleep(HEAD_START_CYCLES)
    start.record()
    action()
    end.record()
    return start, end


def _estimate_us(run, stream):
    with torch.cuda.stream(stream):
        for _ in range(2):  # plans, handles and workspaces are made before the capture
            run()
        start, end = _between_events(run)
    torch.cuda.synchronize()
    return start.elapsed_time(end) * 1000


@dataclass
class Captured:
    graph: torch.cuda.CUDAGraph
    launches: int
    launch_us: float  # roughly


def capture(run):
    """A graph of several calls of run, which enqueues on the current stream."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    launch_us = _estimate_us(run, stream)
    launches = launches_per_graph(launch_us)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(launches):
            run()
    torch.cuda.synchronize()
    return Captured(graph, launches, launch_us)


def _warm_up(captured):
    long = any(one.launch_us >= LONG_LAUNCH_US for one in captured.values())
    wanted, spent = WARM_UP_LONG_MS if long else WARM_UP_MS, 0.0
    while spent < wanted:
        pairs = [_between_events(one.graph.replay) for one in captured.values()]
        torch.cuda.synchronize()
        spent += sum(start.elapsed_time(end) for start, end in pairs)


def _sample(captured):
    captured.graph.replay()
    return _between_events(captured.graph.replay)


def time_interleaved(runs, rounds, limit_s=float("inf")):
    """{name: run} → {name: Times}. Each round replays every graph once, in an order of its own (seeded).
    Ends after `rounds`, or when `limit_s` seconds are over, but not before a few rounds."""
    captured = {name: capture(run) for name, run in runs.items()}
    _warm_up(captured)
    samples, order, draw = {name: [] for name in runs}, list(runs), random.Random(1)
    end = time.monotonic() + limit_s
    for turn in range(max(rounds, FEWEST_ROUNDS)):
        if turn >= FEWEST_ROUNDS and time.monotonic() > end:
            break
        draw.shuffle(order)
        events = {name: _sample(captured[name]) for name in order}
        torch.cuda.synchronize()
        for name, (start, stop) in events.items():
            samples[name].append(start.elapsed_time(stop) * 1000 / captured[name].launches)
    return {name: summary(values) for name, values in samples.items()}

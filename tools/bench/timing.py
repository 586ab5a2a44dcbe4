"""Times several implementations of one thing against each other, fairly: each is captured into a CUDA graph
of several launches, and the graphs are replayed in turns between events, so that clock, heat and neighbours
treat all alike. Needs PyTorch and a GPU."""

import statistics
from dataclasses import dataclass

import torch

WARM_UP_MS = 60
LONG_LAUNCH_US = 500
LAUNCHES, LAUNCHES_WHEN_LONG = 20, 6
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


def _between_events(action):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda._sleep(HEAD_START_CYCLES)
    start.record()
    action()
    end.record()
    return start, end


def _estimate_us(run, stream):
    with torch.cuda.stream(stream):
        for _ in range(3):  # plans, handles and workspaces are made before the capture
            run()
        start, end = _between_events(lambda: [run() for _ in range(5)])
    torch.cuda.synchronize()
    return start.elapsed_time(end) * 1000 / 5


@dataclass
class Captured:
    graph: torch.cuda.CUDAGraph
    launches: int


def capture(run):
    """A graph of several calls of run, which enqueues on the current stream."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    launches = LAUNCHES if _estimate_us(run, stream) < LONG_LAUNCH_US else LAUNCHES_WHEN_LONG
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(launches):
            run()
    torch.cuda.synchronize()
    return Captured(graph, launches)


def _warm_up(captured):
    spent = 0.0
    while spent < WARM_UP_MS:
        pairs = [_between_events(one.graph.replay) for one in captured.values()]
        torch.cuda.synchronize()
        spent += sum(start.elapsed_time(end) for start, end in pairs)


def time_interleaved(runs, rounds):
    """{name: run} → {name: Times}. Each round replays every graph once; the one that begins changes."""
    captured = {name: capture(run) for name, run in runs.items()}
    _warm_up(captured)
    samples = {name: [] for name in runs}
    names = list(runs)
    for turn in range(max(rounds, 3)):
        first = turn % len(names)
        order = names[first:] + names[:first]
        events = {name: _between_events(captured[name].graph.replay) for name in order}
        torch.cuda.synchronize()
        for name, (start, end) in events.items():
            samples[name].append(start.elapsed_time(end) * 1000 / captured[name].launches)
    return {name: summary(values) for name, values in samples.items()}

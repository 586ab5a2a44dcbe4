#!/usr/bin/env python3
"""What a start costs: the first launch with an empty kernel cache, the same in a new process with a warm one,
and the host's time per launch once planned. CSV out.

    python3 tools/bench/start.py --output start.csv

Each start is a process of its own with its own WARPFINCH_CACHE_DIR; PyTorch has made the context and the
buffers before the clock starts. Columns: tag, problem, config, start (cold: empty cache, warm: filled by the
cold one), open_ms (engine), plan_ms (generate, compile or read the cache, load), first_launch_ms and
second_launch_ms (until the GPU is done), dispatch_us (host time of wf_launch through ctypes, median of
batches, GPU work not waited for), call_us (host time of a call through ctypes that does nothing, to compare).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import data
import shapes

COLUMNS = ("tag", "problem", "config", "start", "open_ms", "plan_ms", "first_launch_ms", "second_launch_ms",
           "dispatch_us", "call_us")
DEFAULT_PROBLEM = "attention_forward batch=1 q_heads=16 q_len=1024 head_dim=64 dtype=fp16"
BATCHES, CALLS = 50, 200  # fewer calls than the driver's queue holds, so that the host never waits


def milliseconds(action):
    started = time.perf_counter()
    result = action()
    return (time.perf_counter() - started) * 1000, result


def per_call_us(call, settle):
    """Median over batches; settle() empties the queue between them."""
    batches = []
    for _ in range(BATCHES):
        settle()
        started = time.perf_counter()
        for _ in range(CALLS):
            call()
        batches.append((time.perf_counter() - started) * 1e6 / CALLS)
    settle()
    return statistics.median(batches)


def dispatch(plan, tensors, workspace, settle):
    """Host time of the bare C call, and of a C call that does nothing."""
    import ctypes

    from warpfinch.library import LaunchStruct, check, library
    pointers = (ctypes.c_void_p * len(tensors))(*(t.data_ptr() for t in tensors))
    arguments = LaunchStruct(buffers=pointers, buffer_count=len(tensors), workspace=workspace.data_ptr(),
                             workspace_size=workspace.nbytes)
    launch, handle, address = library().wf_launch, plan._handle, ctypes.byref(arguments)
    check(launch(handle, address))
    nothing = library().wf_workspace_size
    return (per_call_us(lambda: launch(handle, address), settle),
            per_call_us(lambda: nothing(handle), settle))


def child(options):
    """One start, told as JSON. Everything that is not ours happens before the clock starts."""
    import warpfinch
    problem = options.problem[0]
    text = warpfinch.generate(problem, options.config)  # sizes only; loads the library
    if options.dry_run:
        print(json.dumps({"problem": text.problem, "config": text.config}))
        return
    import torch
    torch.cuda.set_device(options.device)
    generator = torch.Generator(options.device).manual_seed(1)
    tensors = [data.tensor(buffer, options.device, generator) for buffer in text.buffers]
    torch.cuda.synchronize()
    open_ms, engine = milliseconds(lambda: warpfinch.Engine(options.device, options.database))
    plan_ms, plan = milliseconds(lambda: engine.plan(problem, options.config))
    workspace = torch.empty(max(plan.workspace_size, 256), dtype=torch.uint8, device=options.device)
    torch.cuda.synchronize()

    def launch():
        plan.launch(*tensors, workspace=workspace)
        torch.cuda.synchronize()

    first_ms, _ = milliseconds(launch)
    second_ms, _ = milliseconds(launch)
    dispatch_us, call_us = dispatch(plan, tensors, workspace, torch.cuda.synchronize)
    print(json.dumps({"problem": plan.problem, "config": plan.config, "open_ms": open_ms, "plan_ms": plan_ms,
                      "first_launch_ms": first_ms, "second_launch_ms": second_ms, "dispatch_us": dispatch_us,
                      "call_us": call_us}))


def start(problem, options, cache):
    """Runs a child with that cache directory."""
    command = [sys.executable, os.path.abspath(__file__), "--child", "--problem", problem,
               "--device", options.device]
    if options.dry_run:
        command.append("--dry-run")
    for name in ("config", "database"):
        if getattr(options, name) is not None:
            command += [f"--{name}", getattr(options, name)]
    environment = {**os.environ, "WARPFINCH_CACHE_DIR": cache}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"the child failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


class DryReport:
    """Rows of a dry run."""

    def row(self, values):
        print(f"{values['tag']}, {values['start']}: {values['problem']}\n  {values['config']}")

    def note(self, text):
        print(text)


def main():
    parser = shapes.option_parser(__doc__, example=DEFAULT_PROBLEM)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options)
    if not options.shapes and not options.problem:
        options.problem = [DEFAULT_PROBLEM]
    todo = shapes.chosen(options)
    if options.dry_run:  # its children too
        report = DryReport()
    else:
        from report import Report
        report = Report(options.output, COLUMNS, options.device)
    failures = 0
    for shape in todo:
        with tempfile.TemporaryDirectory() as cache:
            try:
                for name in ("cold", "warm"):
                    report.row({"tag": shape.tag, "start": name} | start(shape.problem, options, cache))
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                report.note(f"{shape.tag}: FAILED: {error}")
                failures += 1
    return min(1, failures)


if __name__ == "__main__":
    sys.exit(main())

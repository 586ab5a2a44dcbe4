#!/usr/bin/env python3
"""GEMM against torch.matmul (cuBLAS): one process, the same buffers, CUDA-graph replays in turns, medians;
our output checked against float64. CSV out.

    python3 tools/bench/gemm.py --problem "gemm m=4096 n=4096 k=4096 dtype=bf16" --output gemm.csv

Columns: tag, problem, config, ours_us, cublas_us (medians per launch), ratio_cublas (cublas_us / ours_us:
above 1 we are faster), tflops (ours), spread (interquartile range / median), max_error (in units of the
bound), error_bound (1). Exit 1: a result was wrong or a shape failed.
"""

import sys

import shapes
from attention import launcher, run_list
from data import tensor

COLUMNS = ("tag", "problem", "config", "ours_us", "cublas_us", "ratio_cublas", "tflops", "spread",
           "max_error", "error_bound")


def cublas(a, b, c, bias, known):
    """torch's way to the same result. a [batch, m, k], b [batch, k, n]; bias and gelu as torch fuses them."""
    import torch

    def linear():
        if a.shape[0] == 1:
            return torch.nn.functional.linear(a, b[0].T, bias)
        return torch.matmul(a, b) + bias

    if known["epilogue"] == "bias":
        return linear
    if known["epilogue"] == "bias_gelu":
        return lambda: torch.nn.functional.gelu(linear())
    if c.dtype != a.dtype:
        return lambda: torch.bmm(a, b, out_dtype=c.dtype)
    out = torch.empty_like(c)
    if a.shape[0] == 1:
        return lambda: torch.mm(a[0], b[0], out=out[0])
    return lambda: torch.bmm(a, b, out=out)


def peers(run, note):
    """{"cublas": run}, or nothing with a note where torch refuses."""
    try:
        run()
        return {"cublas": run}
    except (RuntimeError, TypeError) as error:
        note(f"torch refuses: {str(error)[:200]}")
        return {}


def measure(shape, options, report):
    """One row."""
    import torch
    import warpfinch
    from accuracy import gemm_errors
    from timing import time_interleaved
    plan = warpfinch.plan(shape.problem, options.config, options.device, options.database)
    known = shapes.fields(plan.problem)
    generator = torch.Generator(options.device).manual_seed(1)
    tensors = [tensor(buffer, options.device, generator) for buffer in plan.buffers]
    a, b, c = tensors[:3]
    b = b.transpose(1, 2) if known["layout"] == "tn" else b
    bias = tensors[3] if len(tensors) > 3 else None
    runs = {"ours": launcher(plan, tensors, options.device)}
    runs["ours"]()
    torch.cuda.synchronize()
    first = c.clone()
    alpha = float(known.get("alpha", 1))
    error = gemm_errors(a, b, {"ours": c}, alpha, bias, known["epilogue"] == "bias_gelu")["ours"]
    runs |= peers(cublas(a, b, c, bias, known), lambda text: report.note(f"{shape.tag}: {text}"))
    times = time_interleaved(runs, options.rounds)
    if not torch.equal(c, first):
        report.note(f"{shape.tag}: the output changed between launches")
        error = float("inf")
    return row_of(shape, plan, times, error)


def row_of(shape, plan, times, error):
    ours = times["ours"].median
    theirs = times["cublas"].median if "cublas" in times else None
    return {"tag": shape.tag, "problem": plan.problem, "config": plan.config, "ours_us": ours,
            "cublas_us": theirs, "ratio_cublas": theirs / ours if theirs else None,
            "tflops": plan.flops / ours * 1e-6, "spread": times["ours"].spread, "max_error": error,
            "error_bound": 1.0}


def main():
    parser = shapes.option_parser(__doc__, example="gemm m=512 n=256 k=128")
    options = parser.parse_args()
    todo = shapes.chosen(options, "gemm")
    if options.dry_run:
        return shapes.dry_run(options, todo)
    import torch
    from report import Report
    torch.cuda.set_device(options.device)
    report = Report(options.output, COLUMNS, options.device)
    with torch.no_grad():
        return min(1, run_list(todo, options, report, measure)[1])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Attention against PyTorch's SDPA with cuDNN and with FlashAttention-2, and FlashAttention-3 where a build
of it can be imported: one process, the same q, k and v, CUDA-graph replays in turns, medians; our output and
LSE checked against float64. CSV out.

    python3 tools/bench/attention.py --shapes --output tools/bench/results/forward-h200.csv
    python3 tools/bench/attention.py --problem "attention_forward q_heads=32 q_len=4096 head_dim=128" \\
        --database configs.db --output attention.csv
    python3 tools/bench/attention.py --shapes --only s0c,s3 --spread 1,6,40 --rising

--shapes alone means forward.csv, whose header says where its targets and marks come from; their summary ends
the output. Columns: tag, problem, config, ours_us, cudnn_us, fa2_us (medians per launch, empty where a peer
refuses), ratio_cudnn (cudnn_us / ours_us: above 1 we are faster), tflops (ours; masked-out work is not
counted), spread (ours: interquartile range / median), max_error (ours, in units of the bound), error_bound
(1), lse_error (of a launch with lse=true and the same config), fa3_us, fa3_from ("measured" here, or "list":
cuDNN's time here times the list's ratio), target (the ratio to cuDNN at which the list's fastest peer
stands), ratio_target (ratio_cudnn / target), data (of the inputs: spread of the scores in units of the
ordinary one). Works for attention_three_kernel too; a note tells its time per head. Exit 1: a result was
wrong or a shape failed.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import data
import shapes
import targets

COLUMNS = ("tag", "problem", "config", "ours_us", "cudnn_us", "fa2_us", "ratio_cudnn", "tflops", "spread",
           "max_error", "error_bound", "lse_error", "fa3_us", "fa3_from", "target", "ratio_target", "data")
FORWARD = str(Path(__file__).resolve().with_name("forward.csv"))


def launcher(plan, tensors, device):
    """What launches us on the current stream."""
    import torch
    workspace = torch.empty(max(plan.workspace_size, 256), dtype=torch.uint8, device=device)
    return lambda: plan.launch(*tensors, workspace=workspace)


def device_of(options):
    """Of our plans; that of the tensors is options.device."""
    return options.device + (f",target={options.target}" if options.target else "")


def plan_of(problem, options, config=None):
    import warpfinch
    return warpfinch.plan(problem, config or options.config, device_of(options), options.database)


def lse_plan(plan, options, note):
    """The same problem and config, which writes its LSE too; where the config has no room for it, another
    config."""
    if not plan.problem.startswith("attention_forward ") or "lse=true" in plan.problem:
        return None if "lse=true" not in plan.problem else plan
    problem = plan.problem + " lse=true"
    try:
        return plan_of(problem, options, plan.config)
    except RuntimeError as error:
        note(f"with LSE its config is refused ({str(error)[-160:]}), another one is checked")
        return plan_of(problem, options)


def compile_ahead(todo, options):
    """Compiles on all cores what the rows will ask for, so that the GPU does not wait. Failures come up
    there."""
    import warpfinch
    warpfinch.engine(device_of(options), options.database)  # opened once, not by every thread

    def both(shape):
        try:
            lse_plan(plan_of(shape.problem, options), options, lambda text: None)
        except (RuntimeError, ValueError):
            pass
    with ThreadPoolExecutor() as pool:
        list(pool.map(both, todo))


def outputs_of(plan, inputs, options):
    """[o] or [o, lse], poisoned before the plan was launched on the inputs once."""
    import torch
    outputs = [data.tensor(buffer, options.device, None) for buffer in plan.buffers if buffer.output]
    launcher(plan, [*inputs, *outputs], options.device)()
    torch.cuda.synchronize()
    return outputs


def check(plan, inputs, known, options, note):
    """Errors of our output and of LSE, and the output: two launches, the second with LSE."""
    from accuracy import attention_errors
    candidates = {"ours": (outputs_of(plan, inputs, options)[0], None)}
    with_lse = lse_plan(plan, options, note)
    if with_lse:
        candidates["with lse"] = tuple(outputs_of(with_lse, inputs, options))
    errors = attention_errors(*inputs, candidates, known, scale_of(known), plan.flops,
                              "scale_q=true" in plan.config)
    lse_error = errors["with lse"][1] if with_lse else None
    return max(error for error, _ in errors.values()), lse_error, candidates["ours"][0]


def scale_of(known):
    return float(known.get("scale", int(known["head_dim"]) ** -0.5))


def measure(shape, options, report, kind=data.ORDINARY):
    """One row."""
    import torch
    from peers import peers
    from timing import time_interleaved
    plan = plan_of(shape.problem, options)
    known = shapes.fields(plan.problem)
    generator = torch.Generator(options.device).manual_seed(1)
    tensors = [data.tensor(buffer, options.device, generator) for buffer in plan.buffers]
    inputs = tensors[:3]
    data.shape_inputs(*inputs, kind, scale_of(known))

    def note(text):
        report.note(f"{shape.tag}: {text}")

    error, lse_error, first = check(plan, inputs, known, options, note)
    runs = {"ours": launcher(plan, tensors, options.device)}
    runs |= peers(*inputs, known, note)
    times = time_interleaved(runs, options.rounds, options.row_seconds)
    if not torch.equal(tensors[3], first):
        note("the output changed between launches")
        error = float("inf")
    if known["operation"] == "attention_three_kernel":
        note(f"{times['ours'].median / int(known['batch']) / int(known['q_heads']):.4g} us per head")
    return row_of(shape, plan, times) | {"max_error": error, "error_bound": 1.0, "lse_error": lse_error,
                                         "data": kind.name}


def row_of(shape, plan, times):
    median = {name: times[name].median if name in times else None for name in ("ours", "cudnn", "fa2", "fa3")}
    ratio = median["cudnn"] / median["ours"] if median["cudnn"] else None
    target = targets.target(shape.given)
    fa3_us = median["fa3"] or targets.fa3_scaled(shape.given, median["cudnn"])
    return {"tag": shape.tag, "problem": plan.problem, "config": plan.config, "ours_us": median["ours"],
            "cudnn_us": median["cudnn"], "fa2_us": median["fa2"], "ratio_cudnn": ratio,
            "tflops": plan.flops / median["ours"] * 1e-6, "spread": times["ours"].spread, "fa3_us": fa3_us,
            "fa3_from": "measured" if median["fa3"] else "list" if fa3_us else "", "target": target,
            "ratio_target": ratio / target if ratio and target else None}


def run_list(todo, options, report, measure_one):
    """Measures all; gives the (shape, row) pairs and the number of failures. One that fails gets a note and
    stops no other."""
    import torch
    done, failures = [], 0
    for shape in todo:
        try:
            row = measure_one(shape, options, report)
        except (RuntimeError, ValueError) as error:
            report.note(f"{shape.tag}: FAILED: {error}")
            failures += 1
        else:
            report.row(row)
            done.append((shape, row))
            failures += not targets.is_right(row)
        torch.cuda.empty_cache()
    return done, failures


def main():
    parser = shapes.option_parser(__doc__, FORWARD)
    parser.add_argument("--operation", default="attention_forward", help="what rows of a CSV file stand for")
    parser.add_argument("--target", metavar="NAME",
                        help="whose kernels, if not the GPU's best: sm_90 are those with mma.sync on Hopper")
    parser.add_argument("--row-seconds", type=float, default=3.0, help="of timing per row at most")
    parser.add_argument("--spread", default="1", metavar="N,N",
                        help="of the scores, in units of the ordinary spread")
    parser.add_argument("--rising", action="store_true",
                        help="also scores that rise and that fall along the keys")
    parser.add_argument("--large", action="store_true",
                        help="also values a thousand times the ordinary ones (bf16: 2^80 times)")
    options = parser.parse_args()
    todo = shapes.chosen(options, options.operation)
    if options.dry_run:
        return shapes.dry_run(options, todo)
    import torch
    from report import Report
    torch.cuda.set_device(options.device)
    report = Report(options.output, COLUMNS, options.device)
    compile_ahead(todo, options)
    kinds = data.kinds([float(spread) for spread in options.spread.split(",")], options.rising, options.large)
    done, failures = [], 0
    with torch.no_grad():
        for kind in kinds:
            more, failed = run_list(todo, options, report, lambda *given: measure(*given, kind))
            done, failures = done + more, failures + failed
    ordinary = [(shape, row) for shape, row in done if row["data"] == data.ORDINARY.name]
    for line in targets.summary(todo, ordinary):
        report.note(line)
    if len(kinds) > 1:
        report.note(targets.wrong_line(done) + ", of all data")
    return min(1, failures)


if __name__ == "__main__":
    sys.exit(main())

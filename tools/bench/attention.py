#!/usr/bin/env python3
"""Attention against PyTorch's SDPA with cuDNN and with FlashAttention-2: one process, the same q, k and v,
CUDA-graph replays in turns, medians; our output checked against float64. CSV out.

    python3 tools/bench/attention.py --problem "attention_forward q_heads=32 q_len=4096 head_dim=128" \\
        --database configs.db --output attention.csv

Columns: tag, problem, config, ours_us, cudnn_us, fa2_us (medians per launch, empty where a peer refuses),
ratio_cudnn (cudnn_us / ours_us: above 1 we are faster), tflops (ours; masked-out work is not counted), spread
(ours: interquartile range / median), max_error (ours, in units of the bound), error_bound (1). Works for
attention_three_kernel too; a note tells its time per head. Exit 1: a result was wrong or a shape failed.
"""

import sys
import warnings

import shapes

COLUMNS = ("tag", "problem", "config", "ours_us", "cudnn_us", "fa2_us", "ratio_cudnn", "tflops", "spread",
           "max_error", "error_bound")


def tensor(buffer, device, generator):
    """Random memory for an input, NaN for an output: what a kernel does not write is seen."""
    import torch
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[buffer.dtype]
    memory = torch.empty_strided(buffer.shape, buffer.strides, dtype=dtype, device=device)
    if buffer.output:
        return memory.fill_(float("nan"))
    return memory.copy_(torch.randn(buffer.shape, generator=generator, device=device))


def launcher(plan, tensors, device):
    """What launches us on the current stream."""
    import torch
    workspace = torch.empty(max(plan.workspace_size, 256), dtype=torch.uint8, device=device)
    return lambda: plan.launch(*tensors, workspace=workspace)


def _sdpa(backend, q, k, v, known):
    import torch
    from torch.nn.attention import sdpa_kernel
    options = {"is_causal": known["mask"] != "none", "enable_gqa": q.shape[1] != k.shape[1]}
    if "scale" in known:
        options["scale"] = float(known["scale"])

    def run():
        with sdpa_kernel([backend]):
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, **options)
    return run


def peer(name, q, k, v, known, note):
    """SDPA through one backend, tried once; None, with a note, where it refuses."""
    from torch.nn.attention import SDPBackend
    backend = {"cudnn": SDPBackend.CUDNN_ATTENTION, "fa2": SDPBackend.FLASH_ATTENTION}[name]
    group = q.shape[1] // k.shape[1]
    tries = [(k, v, "")]
    if group > 1:
        tries.append((*(t.repeat_interleave(group, 1) for t in (k, v)), " with K and V repeated per head"))
    for keys, values, how in tries:
        run = _sdpa(backend, q, keys, values, known)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                run()
            except RuntimeError as error:
                reasons = [str(warning.message) for warning in said] or [str(error)]
                note(f"{name}{how} refuses: {reasons[-1][:200]}")
                continue
        if how:
            note(f"{name} runs{how}")
        return run
    return None


def comparable(known):
    """Why SDPA cannot compute this problem; None: it can. Its causal mask is aligned to the top left."""
    if "window_left" in known or "window_right" in known:
        return "has no window"
    if known["mask"] == "causal" and known["q_len"] != known["kv_len"]:
        return "aligns its causal mask to the other corner"
    return None


def check_launch(run, q, k, v, o, known, flops):
    """Our error after one launch into poisoned memory, and that output."""
    import torch
    from accuracy import attention_errors
    run()
    torch.cuda.synchronize()
    scale = float(known.get("scale", known_scale(known)))
    return attention_errors(q, k, v, {"ours": o}, known["mask"], scale, flops)["ours"], o.clone()


def known_scale(known):
    return int(known["head_dim"]) ** -0.5


def measure(shape, options, report):
    """One row."""
    import torch
    import warpfinch
    from timing import time_interleaved
    plan = warpfinch.plan(shape.problem, options.config, options.device, options.database)
    known = shapes.fields(plan.problem)
    generator = torch.Generator(options.device).manual_seed(1)
    tensors = [tensor(buffer, options.device, generator) for buffer in plan.buffers]
    q, k, v, o = tensors[:4]

    def note(text):
        report.note(f"{shape.tag}: {text}")

    runs = {"ours": launcher(plan, tensors, options.device)}
    error, first = check_launch(runs["ours"], q, k, v, o, known, plan.flops)
    why_not = comparable(known)
    if why_not:
        note(f"not compared, SDPA {why_not}")
    for name in () if why_not else ("cudnn", "fa2"):
        run = peer(name, q, k, v, known, note)
        if run:
            runs[name] = run
    times = time_interleaved(runs, options.rounds)
    if not torch.equal(o, first):
        note("the output changed between launches")
        error = float("inf")
    if known["operation"] == "attention_three_kernel":
        note(f"{times['ours'].median / int(known['batch']) / int(known['q_heads']):.4g} us per head")
    return row_of(shape, plan, times, error)


def row_of(shape, plan, times, error):
    median = {name: times[name].median if name in times else None for name in ("ours", "cudnn", "fa2")}
    return {"tag": shape.tag, "problem": plan.problem, "config": plan.config, "ours_us": median["ours"],
            "cudnn_us": median["cudnn"], "fa2_us": median["fa2"],
            "ratio_cudnn": median["cudnn"] / median["ours"] if median["cudnn"] else None,
            "tflops": plan.flops / median["ours"] * 1e-6, "spread": times["ours"].spread, "max_error": error,
            "error_bound": 1.0}


def run_list(todo, options, report, measure_one):
    """Measures all and gives the number of failures. A shape that fails gets a note and stops no other."""
    import torch
    failures = 0
    for shape in todo:
        try:
            row = measure_one(shape, options, report)
        except (RuntimeError, ValueError) as error:
            report.note(f"{shape.tag}: FAILED: {error}")
            failures += 1
        else:
            report.row(row)
            failures += not row["max_error"] <= row["error_bound"]
        torch.cuda.empty_cache()
    return failures


def main():
    parser = shapes.option_parser(__doc__)
    parser.add_argument("--operation", default="attention_forward", help="what rows of a CSV file stand for")
    options = parser.parse_args()
    todo = shapes.chosen(options, options.operation)
    if options.dry_run:
        return shapes.dry_run(options, todo)
    import torch
    from report import Report
    torch.cuda.set_device(options.device)
    report = Report(options.output, COLUMNS, options.device)
    with torch.no_grad():
        return min(1, run_list(todo, options, report, measure))


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The configs that earlier reports tuned for another generator, as our nearest ones, timed on the shapes of
their reports. CSV out. tuner/README.md has the table of what differs.

    python3 tools/bench/report_configs.py --output tools/bench/results/report_configs-h200.csv

Columns: tag (report's name of it), problem, config, ours_us, tflops, spread, max_error (in units of the
bound), report_us (what the report measured, on its own GPU), report_gpu.
"""

import sys

import data
import shapes
from attention import launcher, plan_of, scale_of

COLUMNS = ("tag", "problem", "config", "ours_us", "tflops", "spread", "max_error", "report_us", "report_gpu")
PLAIN = "order=pv_first pingpong=none max_policy=always tile_order=flat mask_loop=split"
# Report 000: bf16, [batch, heads, length, dim] → microseconds.
FIRST = {"batch=2 q_heads=12 q_len=512 head_dim=64": (21.5, 20.6, 122.9),
         "batch=4 q_heads=12 q_len=1024 head_dim=64": (65.6, 66.6, 254.8),
         "batch=2 q_heads=16 q_len=2048 head_dim=64": (132.2, 124.1, 917.7),
         "batch=1 q_heads=32 q_len=4096 head_dim=128": (713.7, 574.5, 50932.9)}
FIRST_CONFIGS = {"000 Baseline": f"consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=2 {PLAIN}",
                 "000 Conservative Tuned": f"consumer_warpgroups=2 key_tile=64 k_stages=3 v_stages=3 {PLAIN}",
                 "000 B200 Tuned (v1)": f"consumer_warpgroups=1 key_tile=64 k_stages=4 v_stages=4 {PLAIN}"}
# Report 001, final configuration: 128 × 128, 4 warps, flat.
FINAL = {"batch=2 q_heads=32 q_len=1024 head_dim=128": 147.0,
         "batch=4 q_heads=32 q_len=2048 head_dim=128": 731.9,
         "batch=4 q_heads=32 q_len=4096 head_dim=128": 2722.2,
         "batch=8 q_heads=32 q_len=2048 head_dim=128": 1436.3,
         "batch=16 q_heads=64 q_len=4096 head_dim=128": 20770.9,
         "batch=8 q_heads=64 q_len=8192 head_dim=128": 41673.7}
FINAL_CONFIG = f"consumer_warpgroups=2 key_tile=128 k_stages=2 v_stages=2 {PLAIN}"


def rows_of_reports():
    """(name, problem, config, the report's microseconds)."""
    for sizes, times in FIRST.items():
        for (name, config), us in zip(FIRST_CONFIGS.items(), times):
            yield name, f"attention_forward {sizes} dtype=bf16", config, us
    for sizes, us in FINAL.items():
        yield "001 final", f"attention_forward {sizes} dtype=bf16", FINAL_CONFIG, us


def measure(name, problem, config, report_us, options):
    """One row."""
    import torch
    from accuracy import attention_errors
    from timing import time_interleaved
    plan = plan_of(problem, options, config)
    known = shapes.fields(plan.problem)
    generator = torch.Generator(options.device).manual_seed(1)
    tensors = [data.tensor(buffer, options.device, generator) for buffer in plan.buffers]
    run = launcher(plan, tensors, options.device)
    run()
    error = attention_errors(*tensors[:3], {"ours": (tensors[3], None)}, known, scale_of(known), plan.flops,
                             "scale_q=true" in plan.config)
    times = time_interleaved({"ours": run}, options.rounds, 2)["ours"]
    return {"tag": name, "problem": plan.problem, "config": plan.config, "ours_us": times.median,
            "tflops": plan.flops / times.median * 1e-6, "spread": times.spread, "max_error": error["ours"][0],
            "report_us": report_us, "report_gpu": "NVIDIA B200"}


def main():
    parser = shapes.option_parser(__doc__)
    options = parser.parse_args()
    if options.dry_run:
        import warpfinch
        for name, problem, config, _ in rows_of_reports():
            print(f"{name}: {warpfinch.generate(problem, config).config}")
        return 0
    import torch
    from report import Report
    torch.cuda.set_device(options.device)
    report, failures = Report(options.output, COLUMNS, options.device), 0
    with torch.no_grad():
        for name, problem, config, us in rows_of_reports():
            try:
                row = measure(name, problem, config, us, options)
            except (RuntimeError, ValueError) as error:
                report.note(f"{name}, {problem}: FAILED: {error}")
                failures += 1
                continue
            report.row(row)
            failures += not row["max_error"] <= 1
            torch.cuda.empty_cache()
    return min(1, failures)


if __name__ == "__main__":
    sys.exit(main())

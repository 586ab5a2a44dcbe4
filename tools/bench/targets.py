"""What a row has to reach, and how the whole list did. Pure Python.

The numbers come from the list itself (forward.csv says what its columns mean): a row's target is a ratio to
cuDNN, because the ratio of two times of one run carries over to another day and another card of the same
kind, a time does not. A mark is a stricter wish for a single row.
"""

import math

PEERS = ("cudnn_us", "fa2_us", "fa3_us")


def target(given):
    """The ratio to cuDNN at which the fastest peer stands; None where the list has no times."""
    times = [given[name] for name in PEERS if given.get(name)]
    return given["cudnn_us"] / min(times) if given.get("cudnn_us") else None


def fa3_scaled(given, cudnn_us):
    """FlashAttention-3's time by the list's ratio to cuDNN, for a run without a build of it."""
    if not cudnn_us or not given.get("cudnn_us") or not given.get("fa3_us"):
        return None
    return cudnn_us * given["fa3_us"] / given["cudnn_us"]


def marks(given, row):
    """(what, value, limit, reached) for each mark of a row; value None: nothing to compare with."""
    ours, found = row["ours_us"], []

    def mark(name, what, value, sign):
        if limit := given.get(name):
            found.append((what, value, limit, value is not None and sign * value <= sign * limit))

    mark("mark_cudnn", "time over cuDNN's <=", ours / row["cudnn_us"] if row["cudnn_us"] else None, 1)
    mark("mark_fa3", "FA3's time over ours >=", row["fa3_us"] / ours if row["fa3_us"] else None, -1)
    mark("mark_us", "us <=", ours, 1)
    return found


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def _mark_line(tag, what, value, limit, reached):
    told = "unknown" if value is None else f"{value:.3g}"
    return f"mark {tag}: {what} {limit:g}: {told} {'pass' if reached else 'FAIL'}"


def summary(todo, done):
    """Lines on the shapes that were to be measured, and the (shape, row) pairs of those that were."""
    judged = [(shape, row) for shape, row in done if row["ratio_target"]]
    lines = []
    if judged:
        below = [f"{shape.tag} {row['ratio_target']:.3f}" for shape, row in judged if row["ratio_target"] < 1]
        lines.append(f"geomean of ratio_target over {len(judged)} rows: "
                     f"{geomean([row['ratio_target'] for _, row in judged]):.4f}")
        lines.append(f"geomean of ratio_cudnn: {geomean([row['ratio_cudnn'] for _, row in judged]):.4f}")
        lines.append(f"{len(below)} rows below their target" + (f": {', '.join(below)}" if below else ""))
    failed = [shape.tag for shape in todo if shape not in [other for other, _ in done]]
    if failed:
        lines.append(f"{len(failed)} rows without a result: {', '.join(failed)}")
    lines.append(wrong_line(done))
    for shape, row in done:
        lines += [_mark_line(shape.tag, *mark) for mark in marks(shape.given, row)]
    return lines


def wrong_line(done):
    wrong = [f"{shape.tag} {row.get('data', '')}".strip() for shape, row in done if not is_right(row)]
    return f"{len(wrong)} of {len(done)} rows wrong" + (f": {', '.join(wrong)}" if wrong else "")


def is_right(row):
    """Output and, where it was looked at, LSE are within the bound."""
    errors = [row["max_error"]] + [row[name] for name in ("lse_error",) if row.get(name) is not None]
    return all(error <= row["error_bound"] for error in errors)

#!/usr/bin/env python3
"""A bar chart (SVG) of a result file of attention.py: speed relative to cuDNN per shape. No libraries.

    python3 tools/bench/chart.py tools/bench/results/forward-h200.csv tools/bench/results/forward-h200.svg

The page may be light or dark: the chart brings its own background for neither, text and grid are a grey that
reads on both, and the bars' colours keep 3:1 against white and against black.
"""

import argparse
import csv
import math
from html import escape
from pathlib import Path

# Column with the time, name, colour (told apart by the colour-blind too).
SERIES = (("ours_us", "Warpfinch", "#d9480f"), ("cudnn_us", "cuDNN", "#7a8691"),
          ("fa2_us", "FlashAttention-2", "#2f9e8f"), ("fa3_us", "FlashAttention-3", "#1c7ed6"))
TEXT = "#7d8590"
GRID_OPACITY = 0.3
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
WIDTH, LEFT, RIGHT, TOP = 1000, 320, 56, 84
BAR, GROUP_GAP = 7, 9


def read(file):
    """({"date": …, "device": …}, rows of the ordinary data)."""
    with open(file, newline="") as lines:
        lines = lines.read().splitlines()
    notes = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return notes, [row for row in rows if row.get("data", "spread=1") in ("", "spread=1") and row["cudnn_us"]]


def speed(row, column):
    """Relative to cuDNN; None where it did not run."""
    return float(row["cudnn_us"]) / float(row[column]) if row.get(column) else None


def label(row):
    """s0c: 2×16×2048, d=64, causal."""
    known = dict(word.split("=", 1) for word in row["problem"].split()[1:])
    q, kv = known["q_heads"], known["kv_heads"]
    heads = q if q == kv else f"{q}/{kv}"
    sizes = f"{known['batch']}×{heads}×{known['q_len']} d{known['head_dim']}"
    mask = "" if known["mask"] == "none" else f" {known['mask']}"
    return f"{row['tag']}  {sizes} {known['dtype']}{mask}"


def text(x, y, content, size=11, anchor="start", weight="normal"):
    return (f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{TEXT}">{escape(content)}</text>')


def bar(x, y, width, height, colour):
    return f'<rect x="{x:g}" y="{y:g}" width="{max(width, 0.5):.1f}" height="{height:g}" fill="{colour}"/>'


def is_from_list(row, column):
    """Did it not run, and is its time the list's ratio to cuDNN times cuDNN's time here?"""
    return column == "fa3_us" and row.get("fa3_from") == "list"


def legend(rows):
    parts, x = [], LEFT
    for column, name, colour in SERIES:
        if any(is_from_list(row, column) for row in rows):
            name += " (not run: its ratio in the list)"
        parts += [bar(x, 52, 12, 10, colour), text(x + 17, 61, name)]
        x += 17 + 7 * len(name) + 22
    return parts


def axis(most, bottom):
    parts = []
    scale = (WIDTH - LEFT - RIGHT) / most
    for step in range(int(most / 0.25) + 1):
        x = LEFT + 0.25 * step * scale
        strong = step == 4  # cuDNN's own speed
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}" '
                     f'stroke="{TEXT}" stroke-opacity="{1 if strong else GRID_OPACITY}"/>')
        if step % 2 == 0:
            parts.append(text(x, TOP - 10, f"{0.25 * step:g}×", 10, "middle"))
    return parts


def group(row, y, most):
    """The bars of one shape."""
    present = [(speed(row, column), colour) for column, _, colour in SERIES if speed(row, column)]
    height = BAR * len(SERIES)
    parts = [text(LEFT - 8, y + height / 2 + 4, label(row), 11, "end")]
    scale = (WIDTH - LEFT - RIGHT) / most
    for place, (value, colour) in enumerate(present):
        parts.append(bar(LEFT, y + place * BAR, value * scale, BAR - 1, colour))
    ours = speed(row, "ours_us")
    parts.append(text(WIDTH - RIGHT + 8, y + height / 2 + 4, f"{ours:.2f}×", 11, weight="bold"))
    return parts


def chart(notes, rows):
    """The whole SVG."""
    most = math.ceil(max(speed(row, column) or 0 for row in rows for column, _, _ in SERIES) * 4) / 4
    pitch = BAR * len(SERIES) + GROUP_GAP
    bottom = TOP + pitch * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 14}" '
             f'width="{WIDTH}" height="{bottom + 14}" font-family="{FONT}" role="img">',
             f"<title>Forward attention on {escape(notes.get('device', 'a GPU'))}</title>",
             text(LEFT, 24, f"Forward attention: speed relative to cuDNN, {notes.get('device', '')}", 15,
                  weight="bold"),
             text(LEFT, 42, f"{notes.get('date', '')[:10]}, driver {notes.get('driver', '?')}, torch "
                            f"{notes.get('torch', '?')}; longer is faster; batch×heads×length", 10.5)]
    parts += legend(rows) + axis(most, bottom)
    for place, row in enumerate(rows):
        parts += group(row, TOP + 4 + place * pitch, most)
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    results = Path(__file__).resolve().with_name("results")
    parser.add_argument("result", metavar="RESULT.csv", nargs="?", default=results / "forward-h200.csv")
    parser.add_argument("chart", metavar="CHART.svg", nargs="?")
    parser.add_argument("--dry-run", action="store_true", help="draw, but write nothing")
    options = parser.parse_args()
    if not options.chart and not options.dry_run:
        parser.error("give RESULT.csv and CHART.svg")
    notes, rows = read(options.result)
    if not rows:
        raise SystemExit(f"{options.result}: no row was compared with cuDNN")
    drawn = chart(notes, rows)
    if options.dry_run:
        print(f"{options.result}: {len(rows)} rows, {len(drawn)} bytes of SVG")
        return
    with open(options.chart, "w") as file:
        file.write(drawn)


if __name__ == "__main__":
    main()

"""Which problems a benchmark runs: texts, YAML lists as `warpfinch tune --shapes` takes them, or CSV files
with the columns tag, batch, q_heads, kv_heads, q_len, kv_len, head_dim, causal, dtype."""

import argparse
import csv
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

COLUMNS = ("batch", "q_heads", "kv_heads", "q_len", "kv_len", "head_dim", "causal", "dtype")


@dataclass(frozen=True)
class Shape:
    tag: str
    problem: str
    # Numbers in further columns: times of peers, marks.
    given: dict = field(default_factory=dict, compare=False)


def fields(problem):
    """Operation and the key=value words of a problem text."""
    operation, *words = problem.split()
    return {"operation": operation, **dict(word.split("=", 1) for word in words)}


def tag_of(problem):
    """A short name: 1x32/8x4096x64-bf16-causal, gemm-4096x4096x4096."""
    known = fields(problem)
    if not known["operation"].startswith("attention"):
        sizes = (known.get(key, "1") for key in ("batch", "m", "n", "k", "rows", "columns"))
        return f"{known['operation']}-{'x'.join(size for size in sizes if size != '1')}"

    def pair(q_key, kv_key, between):
        q, kv = known.get(q_key, "1"), known.get(kv_key, known.get(q_key, "1"))
        return q if q == kv else q + between + kv

    sizes = (known.get("batch", "1"), pair("q_heads", "kv_heads", "/"), pair("q_len", "kv_len", ":"),
             known.get("head_dim", "?"))
    mask = known.get("mask", "none")
    return f"{'x'.join(sizes)}-{known.get('dtype', 'bf16')}" + ("" if mask == "none" else f"-{mask}")


def _from_csv_row(row, operation):
    missing = [column for column in COLUMNS if not row.get(column)]
    if missing:
        raise ValueError(f"row {row}: no {', '.join(missing)}")
    sizes = " ".join(f"{key}={row[key]}" for key in COLUMNS[:6])
    mask = "causal" if row["causal"] in ("1", "true", "True") else "none"
    problem = f"{operation} {sizes} dtype={row['dtype']} mask={mask} layout=bshd"
    given = {key: float(value) for key, value in row.items()
             if value and key.endswith(("_us", "_cudnn", "_fa3"))}
    return Shape(row.get("tag") or tag_of(problem), problem, given)


def _read_csv(file, operation):
    with open(file, newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        # A file with a `pass` column has rows of the backward pass too.
        return [_from_csv_row(row, operation) for row in rows if row.get("pass", "fwd") == "fwd"]


def _load_yaml(file):
    """What a YAML file holds; of a key that stands twice PyYAML would keep the last and say nothing."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value]
            for key, _ in node.value:
                if keys.count(key.value) > 1:
                    raise yaml.YAMLError(f"the key {key.value!r} stands twice{key.start_mark}")
            return super().construct_mapping(node, deep)

    with open(file) as text:
        try:
            return yaml.load(text, Loader)
        except yaml.YAMLError as error:
            raise SystemExit(f"{file}: broken YAML: {' '.join(str(error).split())}")


def _read_yaml(file):
    entries = _load_yaml(file)
    if isinstance(entries, dict):
        entries = entries["shapes"]
    problems = [entry["problem"] if isinstance(entry, dict) else entry for entry in entries]
    return [Shape(tag_of(problem), problem) for problem in problems]


def read(file, operation="attention_forward"):
    """The shapes of a file; operation: what the rows of a CSV file stand for."""
    return _read_yaml(file) if Path(file).suffix in (".yaml", ".yml") else _read_csv(file, operation)


def option_parser(description, own_list=None, example=None):
    """With the options that every benchmark has. own_list: the file that --shapes alone stands for. A dry run that is
    told nothing takes that list, or the example, a problem."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", metavar="FILE", nargs="?" if own_list else None, const=own_list,
                        help=f"YAML list or CSV file{f'; alone: {Path(own_list).name}' if own_list else ''}")
    parser.add_argument("--only", metavar="TAG,TAG", help="of the list only these")
    parser.add_argument("--problem", metavar="TEXT", action="append", default=[], help="may be repeated")
    parser.add_argument("--config", metavar="TEXT", help="else the database's, else the model's best")
    parser.add_argument("--database", metavar="FILE", help="configs; the user's own by default, '' for none: "
                        "then the shipped ones and the model answer")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--output", metavar="FILE", help="CSV; standard output by default")
    parser.add_argument("--rounds", type=int, default=15, help="timed graph replays of each, alternating")
    parser.add_argument("--dry-run", action="store_true", help="say what would run; needs no GPU, no PyTorch")
    parser.set_defaults(own_list=own_list, example=example)
    return parser


def chosen(options, operation="attention_forward"):
    """The shapes that the options name, those of files first."""
    named = read(options.shapes, operation) if options.shapes else []
    if options.only:
        wanted = options.only.split(",")
        unknown = set(wanted) - {shape.tag for shape in named}
        if unknown:
            raise SystemExit(f"--only: no shape is called {', '.join(sorted(unknown))}")
        named = [shape for shape in named if shape.tag in wanted]
    named += [Shape(tag_of(problem), problem) for problem in options.problem]
    if not named and options.dry_run:
        named = read(options.own_list, operation) if options.own_list else [
            Shape(tag_of(options.example), options.example)]
    if not named:
        raise SystemExit("nothing to run: give --shapes or --problem")
    return named


def dry_run(options, shapes):
    """Prints what would run, generated without a GPU. Gives the exit code: 2 where a problem is refused."""
    import warpfinch
    code = 0
    for shape in shapes:
        try:
            plan = warpfinch.generate(shape.problem, options.config)
        except warpfinch.WarpfinchError as error:
            print(f"{shape.tag}: REFUSED: {error}")
            code = error.status
            continue
        buffers = " ".join(f"{b.name}{list(b.shape)}" for b in plan.buffers)
        print(f"{shape.tag}: {plan.problem}\n  {plan.config}\n  {buffers} workspace={plan.workspace_size}")
    return code


def main():
    parser = argparse.ArgumentParser(
        description="Prints a CSV list as the YAML that `warpfinch tune --shapes` takes.")
    parser.add_argument("list", nargs="?", default=str(Path(__file__).with_name("forward.csv")),
                        help="default: %(default)s")
    parser.add_argument("--dry-run", action="store_true", help="only say how many shapes there are")
    options = parser.parse_args()
    listed = read(options.list)
    if options.dry_run:
        print(f"{options.list}: {len(listed)} shapes")
        return
    for shape in listed:
        print(f"- {shape.problem}  # {shape.tag}")


if __name__ == "__main__":
    main()

"""The benchmark scripts without a GPU: which shapes they take, and what they would run."""

import ast
import importlib.util
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "tools" / "bench"
sys.path.insert(0, str(BENCH))

import chart
import neighbours
import report_configs
import shapes
import targets
import warpfinch
import warpfinch.library
from attention import FORWARD

CSV = """# a comment
pass,tag,batch,q_heads,kv_heads,q_len,kv_len,head_dim,causal,dtype,cudnn_us
fwd,small,1,8,2,512,512,64,1,bf16,9.3
bwd,other,1,8,2,512,512,64,1,bf16,20
fwd,,2,4,4,256,256,128,0,fp16,
"""
YAML = """
defaults: {budget: 60s}
shapes:
  - gemm m=512 n=256 k=128
  - problem: attention_forward q_heads=8 kv_heads=2 q_len=512 head_dim=64 mask=causal
    budget: 5s
"""


def dry_run(script, *arguments):
    return subprocess.run([sys.executable, str(BENCH / script), "--dry-run", *arguments], capture_output=True, text=True)


class Lists(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, text):
        path = Path(self.folder.name) / name
        path.write_text(text)
        return str(path)

    def test_csv(self):
        read = shapes.read(self.file("peers.csv", CSV))
        self.assertEqual([shape.tag for shape in read], ["small", "2x4x256x128-fp16"])
        self.assertEqual(read[0].problem, "attention_forward batch=1 q_heads=8 kv_heads=2 q_len=512 kv_len=512 "
                         "head_dim=64 dtype=bf16 mask=causal layout=bshd")

    def test_a_csv_without_a_column_says_which(self):
        with self.assertRaisesRegex(ValueError, "kv_heads"):
            shapes.read(self.file("peers.csv", "tag,batch,q_heads\na,1,2\n"))

    def test_a_yaml_list_that_is_not_understood_as_a_whole_is_refused(self):
        if importlib.util.find_spec("yaml") is None:
            self.skipTest("SKIPPED: PyYAML is not installed")
        for text, what in (("- gemm m=1 n=1 k=1\n---\n- gemm m=2 n=1 k=1\n", "line 2"),
                           ("- gemm m=1 n=1 k=1\ngarbage\n", "line 2"),
                           ("- problem: gemm m=1 n=1 k=1\n  problem: gemm m=2 n=1 k=1\n", "twice.*line 1")):
            with self.assertRaisesRegex(SystemExit, f"list.yaml: broken YAML: .*{what}"):
                shapes.read(self.file("list.yaml", text))

    def test_yaml(self):
        try:
            read = shapes.read(self.file("shapes.yaml", YAML))
        except ModuleNotFoundError:
            self.skipTest("SKIPPED: PyYAML is not installed")
        self.assertEqual([shape.tag for shape in read], ["gemm-512x256x128", "1x8/2x512x64-bf16-causal"])

    def test_dry_run_generates_each(self):
        done = dry_run("attention.py", "--shapes", self.file("peers.csv", CSV),
                       "--problem", "attention_three_kernel q_heads=2 q_len=256 head_dim=64")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("attention_forward batch="), 2)
        self.assertIn("softmax:{", done.stdout)
        self.assertIn("k[1, 2, 512, 64]", done.stdout)


class Targets(unittest.TestCase):
    GIVEN = {"cudnn_us": 80.0, "fa2_us": 120.0, "fa3_us": 50.0, "mark_cudnn": 0.75, "mark_fa3": 1.2}

    def row(self, ours_us, **more):
        return {"ours_us": ours_us, "cudnn_us": 80.0, "fa3_us": 50.0, "ratio_cudnn": 80 / ours_us, "max_error": 0.5,
                "error_bound": 1.0, "lse_error": 0.1, "ratio_target": 80 / ours_us / 1.6} | more

    def test_the_list_is_whole(self):
        forward = shapes.read(FORWARD)
        self.assertEqual(len({shape.tag for shape in forward}), 33)
        for shape in forward:
            self.assertGreaterEqual(targets.target(shape.given), 1, shape.tag)
        self.assertEqual(sum(len(targets.marks(shape.given, self.row(1))) for shape in forward), 11)

    def test_the_target_is_the_fastest_peer(self):
        self.assertEqual(targets.target(self.GIVEN), 80 / 50)
        self.assertEqual(targets.target({"cudnn_us": 6.0, "fa2_us": 5.0}), 6 / 5)
        self.assertIsNone(targets.target({}))
        self.assertEqual(targets.fa3_scaled(self.GIVEN, 160.0), 100)
        self.assertIsNone(targets.fa3_scaled(self.GIVEN, None))

    def test_marks_pass_and_fail(self):
        self.assertEqual([bool(mark[3]) for mark in targets.marks(self.GIVEN, self.row(40))], [True, True])
        self.assertEqual([bool(mark[3]) for mark in targets.marks(self.GIVEN, self.row(45))], [True, False])
        self.assertEqual([bool(mark[3]) for mark in targets.marks(self.GIVEN, self.row(70))], [False, False])
        self.assertFalse(targets.marks(self.GIVEN, self.row(40, cudnn_us=None))[0][3])

    def test_the_summary_tells_what_fell_short(self):
        todo = [shapes.Shape(tag, "p", self.GIVEN) for tag in ("good", "slow", "wrong", "lost")]
        done = list(zip(todo, [self.row(40), self.row(60), self.row(40, lse_error=2.0)]))
        text = "\n".join(targets.summary(todo, done))
        self.assertIn("1 rows below their target: slow 0.833", text)
        self.assertIn("1 rows without a result: lost", text)
        self.assertIn("1 of 3 rows wrong: wrong", text)
        self.assertIn("mark slow: time over cuDNN's <= 0.75: 0.75 pass", text)
        self.assertIn("mark slow: FA3's time over ours >= 1.2: 0.833 FAIL", text)


class Neighbours(unittest.TestCase):
    def test_are_many_seeded_and_none_of_the_list(self):
        forward = shapes.read(FORWARD)
        found = neighbours.neighbours(forward, 20, 1)
        self.assertEqual(found, neighbours.neighbours(forward, 20, 1))
        self.assertNotEqual(found, neighbours.neighbours(forward, 20, 2))
        self.assertEqual(len({shape.problem for shape in found}), 20)
        self.assertFalse({shape.problem for shape in found} & {shape.problem for shape in forward})


class Charts(unittest.TestCase):
    def test_a_bar_for_each_that_ran(self):
        words = "batch=1 q_heads=8 kv_heads=2 q_len=512 kv_len=512 head_dim=64 dtype=bf16 mask=causal"
        text = ("# device: A & B\n# date: 2026-01-02T03:04:05\ntag,problem,ours_us,cudnn_us,fa2_us,fa3_us,data\n"
                f"a,attention_forward {words},10,20,30,15,spread=1\n"
                f"b,attention_forward {words},10,20,,,spread=1\n"
                f"b,attention_forward {words},10,20,,,spread=40\n")
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(text)
            file.flush()
            svg = chart.chart(*chart.read(file.name))
        tree = xml.etree.ElementTree.fromstring(svg)
        bars = tree.findall("{http://www.w3.org/2000/svg}rect")
        self.assertEqual(len(bars), len(chart.SERIES) + 4 + 2)
        words = " ".join(text.text for text in tree.iter("{http://www.w3.org/2000/svg}text"))
        for said in ("A & B", "2026-01-02", "FlashAttention-3", "1×8/2×512 d64 bf16 causal", "2.00×"):
            self.assertIn(said, words)


def defined_in(tree):
    """Names that a module has at its top, also those that it defines under a condition."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def borrowed_by(tree, modules):
    """(module, name) for what a script takes from other modules, also in functions that only a GPU runs."""
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names if alias.name in modules and not alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            yield from ((node.module, alias.name) for alias in node.names)
    local = {argument.arg for node in ast.walk(tree) if isinstance(node, ast.arguments)
             for argument in node.args + node.kwonlyargs}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in imported - local:
                yield node.value.id, node.attr


class Scripts(unittest.TestCase):
    """All that lie in the folder: a new one is covered by itself."""

    FILES = sorted(BENCH.glob("*.py"))
    TREES = {file.stem: ast.parse(file.read_text()) for file in FILES}
    # Stands in for PyTorch where there is none: whatever it is asked for is there.
    IMPORT = ("import importlib, importlib.util, sys, unittest.mock\n"
              "if importlib.util.find_spec('torch') is None: sys.modules['torch'] = unittest.mock.MagicMock()\n"
              "sys.path.insert(0, sys.argv[1])\n"
              "importlib.import_module(sys.argv[2])")

    def test_each_can_be_imported(self):
        for file in self.FILES:
            with self.subTest(file.name):
                done = subprocess.run([sys.executable, "-c", self.IMPORT, str(BENCH), file.stem],
                                      capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_they_take_from_each_other_is_there(self):
        has = {name: defined_in(tree) for name, tree in self.TREES.items()}
        has |= {"warpfinch": set(dir(warpfinch)), "warpfinch.library": set(dir(warpfinch.library))}
        taken = [(script, *pair) for script, tree in self.TREES.items() for pair in borrowed_by(tree, has)]
        self.assertIn(("start", "data", "tensor"), taken)
        self.assertIn(("start", "warpfinch.library", "check"), taken)
        for script, module, name in taken:
            self.assertIn(name, has[module], f"{script}.py takes it from {module}")

    def test_each_dry_runs(self):
        programs = [file.name for file in self.FILES if '__name__ == "__main__"' in file.read_text()]
        self.assertIn("start.py", programs)
        for program in programs:
            with self.subTest(program):
                done = dry_run(program)
                self.assertEqual(done.returncode, 0, done.stdout[-500:] + done.stderr)
                self.assertNotEqual(done.stdout, "")

    def test_report_configs_are_configs_of_ours(self):
        done = dry_run("report_configs.py")
        self.assertEqual(len(done.stdout.splitlines()), len(list(report_configs.rows_of_reports())))

    def test_gemm_and_start(self):
        self.assertIn("b[1, 64, 96]", dry_run("gemm.py", "--problem", "gemm m=512 n=64 k=96").stdout)
        started = dry_run("start.py", "--problem", "softmax rows=64 columns=100").stdout
        self.assertEqual(started.count("softmax rows=64 columns=100"), 2, started)

    def test_a_refused_problem_is_told(self):
        done = dry_run("attention.py", "--problem", "attention_forward q_len=64 head_dim=64 colour=red")
        self.assertEqual(done.returncode, 2)
        self.assertIn("colour", done.stdout)

    def test_nothing_to_run(self):
        done = subprocess.run([sys.executable, str(BENCH / "gemm.py")], capture_output=True, text=True)
        self.assertIn("nothing to run", done.stderr)


if __name__ == "__main__":
    unittest.main()

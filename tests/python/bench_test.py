"""The benchmark scripts without a GPU: which shapes they take, and what they would run."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "tools" / "bench"
sys.path.insert(0, str(BENCH))

import shapes

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


class Scripts(unittest.TestCase):
    def test_gemm_and_start(self):
        done = dry_run("gemm.py", "--problem", "gemm m=512 n=256 k=128")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("b[1, 256, 128]", done.stdout)
        self.assertEqual(dry_run("start.py").returncode, 0)

    def test_a_refused_problem_is_told(self):
        done = dry_run("attention.py", "--problem", "attention_forward q_len=64 head_dim=64 colour=red")
        self.assertEqual(done.returncode, 2)
        self.assertIn("colour", done.stdout)

    def test_nothing_to_run(self):
        self.assertIn("nothing to run", dry_run("gemm.py").stderr)


if __name__ == "__main__":
    unittest.main()

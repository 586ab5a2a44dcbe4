"""The Python package on a machine without a GPU and without PyTorch."""

import ctypes
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import warpfinch
from warpfinch import library

ATTENTION = ("attention_forward batch=1 q_heads=4 kv_heads=4 q_len=256 kv_len=256 head_dim=64 dtype=fp16 "
             "mask=none layout=bhsd")


class Texts(unittest.TestCase):
    def test_version(self):
        self.assertRegex(warpfinch.version(), r"^\d+\.\d+\.\d+$")

    def test_generate_gives_problem_config_and_cuda(self):
        plan = warpfinch.generate(ATTENTION)
        self.assertEqual(plan.problem, ATTENTION)
        self.assertIn("key_tile=", plan.config)
        self.assertEqual(plan.kernel_count, 1)
        self.assertIn("__global__", plan.cuda())
        self.assertEqual(warpfinch.generate(plan.problem, plan.config).cuda(), plan.cuda())

    def test_buffers(self):
        q, k, _, o = warpfinch.generate(ATTENTION).buffers
        self.assertEqual((q.name, q.dtype, q.output, o.name, o.output), ("q", "fp16", False, "o", True))
        self.assertEqual(k.shape, (1, 4, 256, 64))
        self.assertEqual(k.strides, (4 * 256 * 64, 256 * 64, 64, 1))
        self.assertEqual(k.bytes, 4 * 256 * 64 * 2)


class Refusals(unittest.TestCase):
    def refused(self, status, pattern, action):
        with self.assertRaisesRegex(warpfinch.WarpfinchError, pattern) as caught:
            action()
        self.assertEqual(caught.exception.status, status)
        self.assertNotIn("\n", str(caught.exception))

    def test_wrong_texts(self):
        self.refused(2, "colour", lambda: warpfinch.generate(ATTENTION + " colour=red"))
        self.refused(2, "key_tile", lambda: warpfinch.generate(ATTENTION, "key_tile=abc"))
        self.refused(2, "sm_12", lambda: warpfinch.generate(ATTENTION, target="sm_12"))
        self.refused(2, "no kernel 3", lambda: warpfinch.generate(ATTENTION).cuda(3))

    def test_devices_that_are_not_there(self):
        self.refused(2, "toaster", lambda: warpfinch.Engine("toaster", database=""))
        self.refused(1, ".", lambda: warpfinch.plan(ATTENTION, device="cuda:99", database=""))

    def test_a_generated_plan_does_not_launch(self):
        self.refused(2, "without a device", lambda: warpfinch.generate(ATTENTION).launch(16, 16, 16, 16))

    def test_a_library_that_is_not_there_is_named(self):
        code = "import warpfinch; warpfinch.version()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              env={**os.environ, "WARPFINCH_LIBRARY": "/nowhere/libwarpfinch.so"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/nowhere/libwarpfinch.so", done.stderr.splitlines()[-1])


class Declarations(unittest.TestCase):
    def test_every_function_of_the_header_is_declared(self):
        header = Path(__file__).resolve().parents[2] / "tuner" / "api" / "warpfinch" / "warpfinch.h"
        declared = {line.split("(")[0].split()[-1].lstrip("*")
                    for line in header.read_text().splitlines() if line.startswith("WF_API")}
        self.assertEqual(declared, set(library.SIGNATURES))

    def test_structs_are_those_of_the_library(self):
        text = (Path(__file__).resolve().parents[1] / "api" / "abi.txt").read_text()
        structs = re.findall(r"^struct (\w+) (\d+)\n((?:  .*\n)*)", text, flags=re.MULTILINE)
        self.assertEqual([name for name, _, _ in structs], sorted(library.STRUCTS))
        for name, size, fields in structs:
            struct = library.STRUCTS[name]
            self.assertEqual(ctypes.sizeof(struct), int(size), name)
            self.assertEqual([(getattr(struct, field).offset, field) for field, *_ in struct._fields_],
                             [(int(line.split()[0]), line.split()[-1]) for line in fields.splitlines()])
        self.assertEqual(re.search(r"^soname (.*)$", text, flags=re.MULTILINE)[1], library.NAME)

    def test_a_library_of_another_version_is_not_called(self):
        code = "import warpfinch.library as l; l.INTERFACE = '0.1'; l.library()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertRegex(done.stderr.splitlines()[-1], r"is version \d+\.\d+\.\d+, this package is for 0\.1")

    def test_without_torch_the_operator_says_so(self):
        code = "import sys; sys.modules['torch'] = None; import warpfinch; warpfinch.attention()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertIn("needs PyTorch", done.stderr)


if __name__ == "__main__":
    unittest.main()

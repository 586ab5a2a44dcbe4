"""Ctrl-C in a Python program: KeyboardInterrupt comes promptly, wherever the library is just then, the run ends
and what was found is kept."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import warpfinch

ATTENTION = "attention_forward q_len=512 head_dim=128 mask=causal"
SOFTMAX = "softmax rows=5 columns=16"
PROGRAM = """
import signal, sys, threading, warpfinch
before = [signal.getsignal(number) for number in range(1, 32)]
engine = warpfinch.Engine("emulator:sm_90a", sys.argv[1])
print("begun", flush=True)
try:
    engine.tune(sys.argv[2], "1000s", progress={progress})
    print("it ended of itself")
except {expected}:
    assert [signal.getsignal(number) for number in range(1, 32)] == before
    assert engine.tuned == 1 and threading.active_count() == 1
    print("in order")
"""


class CtrlC(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.database = str(self.folder / "configs.db")
        self.environment = {**os.environ, "WARPFINCH_CACHE_DIR": str(self.folder / "cache")}

    def without_end(self):
        """A host compiler that does not come to an end."""
        compiler = self.folder / "cxx"
        compiler.write_text("#!/bin/sh\n[ \"$1\" = --version ] && exec echo 1\nexec sleep 1000\n")
        compiler.chmod(0o700)
        self.environment["CXX"] = str(compiler)

    def begun(self, problem, progress="None", expected="KeyboardInterrupt"):
        code = PROGRAM.format(progress=progress, expected=expected)
        child = subprocess.Popen([sys.executable, "-c", code, self.database, problem], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=self.environment)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), "begun\n")
        return child

    def ends_in_order(self, child):
        begin = time.monotonic()
        out, err = child.communicate(timeout=60)
        self.assertTrue(out.endswith("in order\n"), f"{out}\n{err}\nexit code {child.returncode}")
        self.assertEqual(err, "")
        self.assertLess(time.monotonic() - begin, 5)

    def test_at_any_moment_of_the_first_compilation(self):
        self.without_end()
        for seconds in (0.05, 0.2, 0.5):
            with self.subTest(seconds=seconds):
                child = self.begun(ATTENTION)
                time.sleep(seconds)
                child.send_signal(signal.SIGINT)
                self.ends_in_order(child)

    def test_while_another_program_compiles_with_progress(self):
        self.without_end()
        child = self.begun(SOFTMAX, progress="print")
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        self.ends_in_order(child)

    def test_in_the_callers_own_function(self):
        child = self.begun(SOFTMAX, progress="lambda progress: (print('called', flush=True), "
                           "__import__('time').sleep(1000))")
        self.assertEqual(child.stdout.readline(), "called\n")
        child.send_signal(signal.SIGINT)
        self.ends_in_order(child)
        with_rows = warpfinch.Engine("emulator:sm_90a", self.database)
        seen = []  # what was found before is known, and told again
        with_rows.tune(SOFTMAX, "1", progress=seen.append)
        self.assertGreater(len(seen), 1)

    def test_an_exception_of_the_callers_function_comes_out(self):
        child = self.begun(SOFTMAX, progress="lambda progress: 1 / 0", expected="ZeroDivisionError")
        self.ends_in_order(child)


if __name__ == "__main__":
    unittest.main()

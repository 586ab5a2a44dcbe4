"""A host program with another locale: numbers are read and written with a point, whatever it has chosen."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

# One that writes 0,5: a definition of our own, since few machines have one installed.
DEFINITION = """LC_NUMERIC
decimal_point ","
thousands_sep "."
grouping 3;3
END LC_NUMERIC
"""
PROGRAM = """
import locale, sys, warpfinch
if sys.argv[1:]:
    locale.setlocale(locale.LC_NUMERIC, sys.argv[1])
    assert locale.localeconv()["decimal_point"] == ",", "this is no locale with a comma"
plan = warpfinch.generate("attention_forward q_heads=2 q_len=256 head_dim=64 scale=0.3")
again = warpfinch.generate(plan.problem, plan.config)
assert again.cuda() == plan.cuda()
print(plan.problem, plan.config, plan.flops, plan.cuda(), sep="\\n")
"""


def make_locale(folder):
    """Whether localedef, which is part of every Debian, could make it. Its exit code is 1 for the categories
    that are left out."""
    definition = Path(folder) / "definition"
    definition.write_text(DEFINITION)
    subprocess.run(["localedef", "--no-archive", "-c", "-i", str(definition), f"{folder}/comma"],
                   capture_output=True, check=False)
    return (Path(folder) / "comma" / "LC_NUMERIC").exists()


class Comma(unittest.TestCase):
    def text(self, *arguments, **environment):
        done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_kernel_is_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            if not make_locale(folder):
                self.skipTest("SKIPPED: localedef is not there")
            self.assertEqual(self.text("comma", LOCPATH=folder), self.text())


if __name__ == "__main__":
    unittest.main()

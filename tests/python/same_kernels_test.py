"""tools/same_kernels: what it takes for the same machine code, and that it notices what is not. No GPU."""

import importlib.machinery
import importlib.util
import os
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "same_kernels"
BUILD = Path(os.environ.get("WARPFINCH_BUILD", ROOT / "build"))
PROGRAM = BUILD / "bin" / "warpfinch"
TWO_SHAPES = "s4a,s3"

loader = importlib.machinery.SourceFileLoader("same_kernels", str(TOOL))
same_kernels = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
sys.modules[loader.name] = same_kernels  # dataclasses look for their module
loader.exec_module(same_kernels)

NVDISASM = """
//--------------------- .text.{kernel} --------------------------
	.section	.text.{kernel},"ax",@progbits
        .global         {kernel}
{kernel}:
.text.{kernel}:
        /*{base:04x}*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/              @!P0 BRA `({away}) ;
{back}:
        /*0020*/                   IADD3 R7,  R7, {number}, RZ ;  // file.cu:{base}
        /*0030*/                   CALL.REL.NOINC `(${kernel}$sqrt) ;
        /*0040*/                   BRA `({back}) ;
{away}:
        /*0050*/                   EXIT ;
.text.${kernel}$sqrt:
        /*0000*/                   RET.REL.NODEC R2 `({kernel}) ;
"""

# Stands in for the disassembler where there is none: the words of the cubin's sections of code.
DISASSEMBLER = '''#!{python}
import struct, sys
elf = open(sys.argv[-1], "rb").read()
at, = struct.unpack_from("<Q", elf, 40)
size, count = struct.unpack_from("<HH", elf, 58)
for head in range(at, at + size * count, size):
    _, kind, flags, _, place, length = struct.unpack_from("<IIQQQQ", elf, head)
    if kind == 1 and flags & 4:
        for word in range(place, place + length, 16):
            print("/*0000*/ %s ;" % elf[word:word + 16].hex())
'''

# A build that makes of one choice another one.
PLANTED = '''#!{python}
import os, sys
os.execv("{program}", ["{program}", *(word.replace("{choice}", "{other}") for word in sys.argv[1:])])
'''

# A build that calls `lanes` what is `warps` now.
RENAMED = '''#!{python}
import os, sys
if "warps=" in " ".join(sys.argv): sys.exit(print("warpfinch: config: what is warps?", file=sys.stderr) or 2)
os.execv("{program}", ["{program}", *(word.replace("lanes=", "warps=") for word in sys.argv[1:])])
'''


def code(**names):
    given = {"kernel": "gemm", "away": ".L_x_1", "back": ".L_x_2", "base": 0, "number": "0x1"} | names
    return same_kernels.machine_code(NVDISASM.format(**given))


class MachineCode(unittest.TestCase):
    def test_names_addresses_and_comments_do_not_matter(self):
        self.assertEqual(len(code()), 7)
        self.assertEqual(code()[1:5], ["@!P0 BRA `(@5)", "IADD3 R7, R7, 0x1, RZ", "CALL.REL.NOINC `(function1)",
                                       "BRA `(@2)"])
        self.assertEqual(code(), code(kernel="product", away=".L_9", back=".L_x_40", base=256))

    def test_instructions_and_places_do(self):
        self.assertNotEqual(code(), code(number="0x2"))
        self.assertIn("instruction 2: IADD3 R7, R7, 0x1, RZ -> IADD3 R7, R7, 0x2, RZ",
                      same_kernels.first_difference(code(), code(number="0x2")))
        other = NVDISASM.replace("BRA `({back})", "BRA `({away})")
        self.assertNotEqual(code(), same_kernels.machine_code(
            other.format(kernel="gemm", away=".L_x_1", back=".L_x_2", base=0, number="0x1")))

    def test_cuobjdump_prints_the_encoding_too(self):
        text = ("\t\tFunction : gemm\n\t.headerflags\t@\"EF_CUDA_SM90\"\n"
                "        /*0000*/                   LDC R1, c[0x0][0x28] ;   /* 0x00000a00ff017b82 */\n"
                "                                                            /* 0x000fe20000000800 */\n")
        self.assertEqual(same_kernels.machine_code(text), ["LDC R1, c[0x0][0x28]"])

    def test_resources_matter(self):
        kernels = [same_kernels.Kernel("gemm", dict.fromkeys(same_kernels.RESOURCES, value), "digest", ["EXIT"])
                   for value in (8, 9)]
        told = same_kernels.kernel_difference(*kernels)
        self.assertIn("registers 8 -> 9, spills 8+8 -> 9+9 bytes, instructions 1 -> 1", told)
        self.assertIn("tiles 8 -> 9", told)
        self.assertEqual(same_kernels.kernel_difference(kernels[0], kernels[0]), "")

    def test_words_that_were_renamed(self):
        text = "gemm:{consumer_warpgroups=2 order=qk_first} softmax:{warps=4}"
        self.assertEqual(same_kernels.renamed(text, {"warps": "threads", "order=qk_first": "order=late"}),
                         "gemm:{consumer_warpgroups=2 order=late} softmax:{threads=4}")


def has_nvrtc():
    told = subprocess.run([PROGRAM, "devices"], capture_output=True, text=True)
    return "NVRTC" in told.stdout and not any("no NVRTC" in line for line in told.stdout.splitlines())


class Builds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not PROGRAM.exists() or not has_nvrtc():
            raise unittest.SkipTest("SKIPPED: needs the program and NVRTC")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.environment = dict(os.environ)
        if subprocess.run([PROGRAM, "show", "--problem", "softmax rows=8 columns=8", "--stage", "sass"],
                          capture_output=True).returncode:
            cls.script("nvdisasm", DISASSEMBLER.format(python=sys.executable))
            cls.environment["PATH"] = f"{cls.folder}:{os.environ['PATH']}"

    @classmethod
    def script(cls, name, text):
        file = cls.folder / name
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return str(file)

    def pairs(self, *pairs):
        file = self.folder / "pairs.txt"
        file.write_text("".join(f"{problem}\t{config}\n" for problem, config in pairs))
        return str(file)

    def run_tool(self, *words, **variables):
        return subprocess.run([sys.executable, str(TOOL), *map(str, words)], capture_output=True, text=True,
                              env=self.environment | variables)

    def only_pairs(self, *pairs):
        return ["--pairs", self.pairs(*pairs), "--shapes", self.none(), "--cache", self.folder / "cache"]

    def none(self):
        file = self.folder / "none.csv"
        file.write_text("tag,batch\n")
        return str(file)

    def test_a_build_is_the_same_as_itself(self):
        done = self.run_tool(PROGRAM, PROGRAM, "--only", TWO_SHAPES, "--random", 3, "--seed", 7)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"^5 pairs, \d+ kernels: 0 pairs differ\n$")

    def test_another_config_is_noticed(self):
        planted = self.script("planted", PLANTED.format(python=sys.executable, program=PROGRAM,
                                                        choice="warps=4", other="warps=2"))
        done = self.run_tool(planted, PROGRAM, *self.only_pairs(
            ("softmax rows=64 columns=100", "warps=4 column_tile=128"),
            ("softmax rows=64 columns=100", "warps=8 column_tile=128")))
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 2, done.stdout)
        self.assertRegex(lines[0], r"^pair-1 softmax: registers \d+ -> \d+, spills 0\+0 -> 0\+0 bytes, "
                         r"instructions \d+ -> \d+, .*threads 64 -> 128, .*instruction \d+: .* -> .*"
                         r"\[--problem 'softmax rows=64 .*' --config 'warps=4 ")
        self.assertEqual(lines[1], "2 pairs, 2 kernels: 1 pairs differ")

    def test_another_look_up_is_noticed(self):
        file = self.folder / "looked_up"
        none = self.pairs()
        words = ("--only", "s4a", "--pairs", none, "--cache", self.folder / "cache")
        self.assertEqual(self.run_tool("--write", file, PROGRAM, *words).returncode, 0)
        done = self.run_tool("--against", file, PROGRAM, "--cache", self.folder / "cache", WARPFINCH_CONFIGS="")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"^s4a: after: looks up \S+=.*, the other one \S+=.*\n1 pairs, 1 kernels: 1 ")

    def test_with_what_was_written(self):
        file = self.folder / "written"
        pairs = self.only_pairs(("softmax rows=64 columns=100", "warps=4 column_tile=128"))
        self.assertEqual(self.run_tool("--write", file, PROGRAM, *pairs).returncode, 0)
        self.assertTrue((self.folder / "written.sass/pair-1.0.sass").exists())
        done = self.run_tool("--against", file, PROGRAM, "--cache", self.folder / "cache")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        file.write_text(file.read_text().replace('"threads": 128', '"threads": 96'))
        done = self.run_tool("--against", file, PROGRAM, "--cache", self.folder / "cache")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("threads 96 -> 128", done.stdout)

    def test_a_build_with_other_words(self):
        before = self.script("before", RENAMED.format(python=sys.executable, program=PROGRAM))
        pairs = self.only_pairs(("softmax rows=64 columns=100", "warps=4 column_tile=128"))
        done = self.run_tool(before, PROGRAM, *pairs)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("pair-1: before: warpfinch: config: what is warps?", done.stdout)
        renames = self.folder / "renames"
        renames.write_text("lanes warps\n")
        done = self.run_tool(before, PROGRAM, *pairs, "--rename", renames)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_cannot_be_compared_is_one_line(self):
        done = self.run_tool(PROGRAM, self.folder / "gone", "--random", 0)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        broken = self.script("broken", "#!/bin/sh\necho 'warpfinch: --stage sass needs nvdisasm' >&2\nexit 1\n")
        done = self.run_tool(broken, broken, "--random", 0)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "same_kernels: warpfinch: --stage sass needs nvdisasm\n")


if __name__ == "__main__":
    unittest.main()

"""The binary interface against abi.txt: soname, exported functions with their types, numbers of the header, and
every struct's size and places of fields. A change of one breaks programs that are already built, but for two: new
functions, and new fields at a struct's end with its old size in kOlderSizes (boundary.hpp). For any other the
soname changes. WARPFINCH_BLESS=1 writes the file anew where the change is meant."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "tuner" / "api"
EXPECTED = HERE / "abi.txt"
LIBRARY = os.environ["WARPFINCH_LIBRARY"]


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def header():
    """Without comments, in one line; the macros and conditionals apart."""
    text = re.sub(r"/\*.*?\*/", " ", (INCLUDE / "warpfinch" / "warpfinch.h").read_text(), flags=re.DOTALL)
    macros = re.findall(r"^#define (WF_\w+) (\d+)", text, flags=re.MULTILINE)
    text = " ".join(line for line in text.splitlines() if not line.startswith("#"))
    return re.sub(r"\s+", " ", text), macros


def functions(text):
    return {re.search(r"(\w+)\(", prototype)[1]: prototype
            for prototype in re.findall(r"WF_API ([^;]*\));", text)}


def structs(text):
    """(name, [(type, field)]) in the header's order."""
    for body, name in re.findall(r"typedef struct \w+ \{([^}]*)\} (\w+);", text):
        fields = [re.fullmatch(r"(.*?)(\w+)", field.strip()) for field in body.split(";") if field.strip()]
        yield name, [(field[1].strip(), field[2]) for field in fields]


def compiled(text):
    """Sizes and offsets as the C compiler has them."""
    lines = []
    for name, fields in structs(text):
        lines.append(f'printf("\\nstruct {name} %zu\\n", sizeof({name}));')
        lines += [f'printf("  %zu {kind} {field}\\n", offsetof({name}, {field}));' for kind, field in fields]
    lines.append('puts("");')
    for name in re.findall(r"(WF_\w+) = \d+", text):
        lines.append(f'printf("{name} = %d\\n", {name});')
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "abi.c"), Path(folder, "abi")
        source.write_text("#include <stdio.h>\n#include <warpfinch/warpfinch.h>\nint main(void) {\n" +
                          "\n".join(lines) + "\nreturn 0; }\n")
        library = Path(LIBRARY)
        subprocess.run([os.environ.get("CC", "cc"), "-std=c99", f"-I{INCLUDE}", source, "-o", program, library,
                        f"-Wl,-rpath,{library.parent}", "-Wl,--allow-shlib-undefined"], check=True)
        return output_of(program)


def current():
    text, macros = header()
    soname = re.search(r"soname: \[(.*)\]", output_of("readelf", "-d", LIBRARY))[1]
    lines = [f"soname {soname}", ""]
    lines += [prototype for _, prototype in sorted(functions(text).items())] + [""]
    lines += re.findall(r"typedef (?!struct \w+ \{|enum)([^;]*);", text) + [""]
    lines += [f"{name} {value}" for name, value in macros]
    return "\n".join(lines) + "\n" + compiled(text)


class Abi(unittest.TestCase):
    maxDiff = None

    def test_it_is_the_one_that_is_written_down(self):
        if os.environ.get("WARPFINCH_BLESS"):
            EXPECTED.write_text(current())
        self.assertTrue(EXPECTED.exists(), f"{EXPECTED} is missing; WARPFINCH_BLESS=1 writes it")
        self.assertEqual(EXPECTED.read_text(), current(), __doc__)

    def test_the_library_exports_what_the_header_declares(self):
        names = {line.split()[2] for line in output_of("nm", "-D", "--defined-only", LIBRARY).splitlines()}
        self.assertEqual(names, set(functions(header()[0])))

    def test_every_struct_begins_with_its_size_and_has_no_holes(self):
        text, _ = header()
        self.assertEqual([name for name, fields in structs(text) if fields[0] != ("size_t", "struct_size")], [])
        with tempfile.TemporaryDirectory() as folder:  # a field in a hole would not change the size
            source = Path(folder, "holes.c")
            source.write_text("#include <warpfinch/warpfinch.h>\n" + "\n".join(
                f"typedef char {name}_has_a_hole[sizeof({name}) == " +
                " + ".join(f"sizeof((({name}*)0)->{field})" for _, field in fields) + " ? 1 : -1];"
                for name, fields in structs(text)))
            subprocess.run([os.environ.get("CC", "cc"), "-std=c99", f"-I{INCLUDE}", "-fsyntax-only", source],
                           check=True)


if __name__ == "__main__":
    sys.exit(unittest.main())

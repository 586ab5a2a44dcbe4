"""The CSV file of a benchmark: says first, in lines that begin with #, when, on what and by which command it
was made; then one row per shape, written as soon as it is known."""

import csv
import datetime
import shlex
import subprocess
import sys


def _driver():
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        asked = subprocess.run(command, text=True, capture_output=True, timeout=30, check=True)
        return asked.stdout.splitlines()[0].strip()
    except (OSError, subprocess.SubprocessError, IndexError):
        return "unknown"


def header(device):
    """Lines of {what: value} on date, machine and command. device: "cuda:0"."""
    import torch
    import warpfinch
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name(device),
        "driver": _driver(),
        "torch": f"{torch.__version__} (CUDA {torch.version.cuda})",
        "cudnn": torch.backends.cudnn.version(),
        "warpfinch": warpfinch.version(),
        "command": shlex.join(["python3", *sys.argv]),
    }


def number(value):
    """Four to five digits, whatever the size; empty for none."""
    return "" if value is None else f"{value:.5g}"


class Report:
    """Rows to a file or standard output, and the same in short to standard error."""

    def __init__(self, file, columns, device):
        self._file = open(file, "w", newline="") if file else sys.stdout
        self._columns = columns
        for key, value in header(device).items():
            self.note(f"{key}: {value}")
        self._writer = csv.DictWriter(self._file, columns, lineterminator="\n")
        self._writer.writeheader()

    def note(self, text):
        """A line that is no row."""
        print(f"# {' '.join(str(text).split())}", file=self._file, flush=True)
        print(text, file=sys.stderr, flush=True)

    def row(self, values):
        self._writer.writerow({key: number(value) if isinstance(value, (float, type(None))) else value
                               for key, value in values.items()})
        self._file.flush()
        if self._file is not sys.stdout:
            numbers = (f"{key}={number(value)}" for key, value in values.items() if isinstance(value, float))
            print("  " + "  ".join(numbers), file=sys.stderr, flush=True)

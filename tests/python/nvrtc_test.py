"""NVRTC of pip's wheels: the library learns where the Python that loads it has them."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PRINT = "import os, warpfinch; warpfinch.version(); print(os.environ['WARPFINCH_NVRTC_PATH'])"


class Wheels(unittest.TestCase):
    def told(self, folder, **variables):
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONPATH": path, **variables})
        return done.stdout.strip().split(":")

    def test_their_folders_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            wheels = [Path(folder, "nvidia", name, "lib") for name in ("cu13", "cuda_nvrtc")]
            for wheel in wheels:
                wheel.mkdir(parents=True)
            Path(folder, "nvidia", "cudnn", "lib").mkdir(parents=True)
            told = self.told(folder)
            self.assertEqual(told[:2], [str(wheel) for wheel in wheels])
            self.assertFalse([place for place in told if "cudnn" in place])

    def test_those_of_the_user_come_first(self):
        with tempfile.TemporaryDirectory() as folder:
            wheel = Path(folder, "nvidia", "cu13", "lib")
            wheel.mkdir(parents=True)
            self.assertEqual(self.told(folder, WARPFINCH_NVRTC_PATH="/opt/mine")[:2], ["/opt/mine", str(wheel)])


if __name__ == "__main__":
    unittest.main()

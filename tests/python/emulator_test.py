"""Plans on the emulator, from Python alone: no GPU, no PyTorch."""

import ctypes
import math
import os
import tempfile
import unittest

import warpfinch


class Emulator(unittest.TestCase):
    def plan(self, problem):
        return warpfinch.plan(problem, device="emulator:sm_90a,seed=3", database="")

    def test_softmax_of_host_memory(self):
        rows, columns = 5, 16
        plan = self.plan(f"softmax rows={rows} columns={columns} dtype=fp32")
        x = (ctypes.c_float * (rows * columns))(*(i * 7 % 5 for i in range(rows * columns)))
        y = (ctypes.c_float * (rows * columns))()
        plan.launch(ctypes.addressof(x), ctypes.addressof(y))
        for row in range(rows):
            terms = [math.exp(value) for value in x[row * columns:(row + 1) * columns]]
            for column, term in enumerate(terms):
                self.assertAlmostEqual(y[row * columns + column], term / sum(terms), places=5)

    def test_a_workspace_comes_of_itself(self):
        plan = self.plan("attention_three_kernel q_heads=1 q_len=5 kv_len=7 head_dim=64 dtype=fp16")
        self.assertGreater(plan.workspace_size, 0)
        one = 0x3c00  # 1.0 in fp16: equal keys and values give exactly the value
        tensors = [(ctypes.c_uint16 * (buffer.bytes // 2))(*([one] * (buffer.bytes // 2)))
                   for buffer in plan.buffers]
        tensors[-1][:] = [0] * len(tensors[-1])
        plan.launch(*(ctypes.addressof(tensor) for tensor in tensors))
        for bits in tensors[-1]:
            self.assertAlmostEqual(bits, one, delta=2)

    def test_tuning_checks_in_the_emulator_and_predicts_the_times(self):
        seen = []
        with tempfile.TemporaryDirectory() as folder:
            engine = warpfinch.Engine("emulator:sm_90a", database=os.path.join(folder, "configs.db"))
            engine.tune("softmax rows=5 columns=16", budget="2", progress=seen.append)
        self.assertEqual(len(seen), 2)
        self.assertTrue(math.isfinite(seen[-1].best_microseconds))


if __name__ == "__main__":
    unittest.main()

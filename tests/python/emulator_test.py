"""Plans on the emulator, from Python alone: no GPU, no PyTorch."""

import ctypes
import math
import os
import tempfile
import unittest

import warpfinch

SOFTMAX = "softmax rows=5 columns=16"


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
            engine.tune(SOFTMAX, budget="2", progress=seen.append)
        self.assertEqual(len(seen), 2)
        self.assertTrue(math.isfinite(seen[-1].best_microseconds))
        self.assertEqual(engine.tuned, 1)

    def test_tuning_that_fails_is_not_counted(self):
        engine = warpfinch.Engine("emulator:sm_90a", database="")  # no place for what would be found
        for problem, budget in ((SOFTMAX, "2"), (SOFTMAX, "soon"), ("fly", "2")):
            with self.assertRaises(warpfinch.WarpfinchError):
                engine.tune(problem, budget)
        self.assertEqual(engine.tuned, 0)
        with tempfile.TemporaryDirectory() as folder:
            engine = warpfinch.Engine("emulator:sm_90a", database=os.path.join(folder, "configs.db"))
            with self.assertRaises(ZeroDivisionError):  # what was found until then is kept, so it counts
                engine.tune(SOFTMAX, "2", progress=lambda progress: 1 / 0)
            self.assertEqual(engine.tuned, 1)

    def test_a_workspace_that_is_too_small_is_refused(self):
        plan = self.plan("attention_three_kernel q_heads=1 q_len=5 kv_len=7 head_dim=64 dtype=fp16")
        memory = ctypes.create_string_buffer(512)

        class Workspace:
            nbytes = 256

            def data_ptr(self):
                return ctypes.addressof(memory) + -ctypes.addressof(memory) % 256

        with self.assertRaisesRegex(warpfinch.WarpfinchError, "the workspace has 256 bytes, the plan needs"):
            plan.launch(*[256] * len(plan.buffers), workspace=Workspace())


if __name__ == "__main__":
    unittest.main()

"""The operator's text and its fake kernel: needs PyTorch, but no GPU."""

import sys
import unittest

try:
    import torch
except ImportError:
    print("SKIPPED: the operator's tests need PyTorch, which cannot be imported here")
    sys.exit(77)

import warpfinch
from torch._subclasses.fake_tensor import FakeTensorMode
from warpfinch.attention import problem_text


class Operator(unittest.TestCase):
    def test_the_fake_kernel_gives_shape_type_and_layout(self):
        with FakeTensorMode():
            q = torch.empty(2, 100, 8, 64, dtype=torch.bfloat16, device="cuda")
            k = torch.empty(2, 333, 2, 64, dtype=torch.bfloat16, device="cuda")
            o = torch.ops.warpfinch.attention(q, k, k, causal=True)
            self.assertEqual((tuple(o.shape), o.dtype), ((2, 100, 8, 64), torch.bfloat16))
            self.assertTrue(o.is_contiguous())
            v = torch.empty(2, 2, 333, 128, dtype=torch.bfloat16, device="cuda")
            o = torch.ops.warpfinch.attention(q.transpose(1, 2), k.transpose(1, 2), v, layout="bhsd")
            self.assertEqual(tuple(o.shape), (2, 8, 100, 128))

    def test_what_does_not_fit_is_refused(self):
        with FakeTensorMode():
            q = torch.empty(2, 100, 8, 64, dtype=torch.bfloat16, device="cuda")
            for k, options in ((q[..., :32], {}), (q.float(), {}), (q[0], {}), (q, {"layout": "sbhd"})):
                with self.assertRaises(ValueError):
                    torch.ops.warpfinch.attention(q, k, k, **options)

    def test_the_text_is_canonical(self):
        shape = (1, 4, 128, 64)
        text = problem_text((shape,) * 3, (None, (9, 8, 512, 1), None), "fp16", True, 0.5, "bhsd")
        plan = warpfinch.generate(text.replace("9,8,512", "65536,64,512"))
        self.assertEqual(plan.buffers[1].strides, (65536, 64, 512, 1))
        self.assertEqual(plan.buffers[0].strides, (32768, 8192, 64, 1))
        self.assertIn("mask=causal", plan.problem)
        self.assertIn("scale=0.5", plan.problem)


if __name__ == "__main__":
    unittest.main()

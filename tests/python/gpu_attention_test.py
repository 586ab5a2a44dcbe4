"""The operator on a GPU: right results on the current stream, for strided tensors and inside a graph."""

import sys
import tempfile
import unittest

try:
    import torch
except ImportError:
    print("SKIPPED: needs PyTorch, which cannot be imported here")
    sys.exit(77)
if not torch.cuda.is_available():
    print("SKIPPED: needs a GPU; PyTorch sees none")
    sys.exit(77)

import warpfinch


def error(q, k, v, o, causal):
    """Largest error of o in units of its bound; all [batch, heads, length, dim]."""
    unit = 2.0**-9 if o.dtype == torch.bfloat16 else 2.0**-12
    group = q.shape[1] // k.shape[1]
    q, k, v = q.double(), k.double().repeat_interleave(group, 1), v.double().repeat_interleave(group, 1)
    scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
    if causal:
        hidden = torch.ones(scores.shape[2:], dtype=torch.bool, device=q.device)
        scores = scores.masked_fill(hidden.triu(1 + k.shape[2] - q.shape[2]), float("-inf"))
    p = scores.softmax(-1)
    right = p @ v
    bound = 2 * unit * (right.abs() + p @ v.abs())
    return ((o.double() - right).abs() / bound).max().item()


def tensors(lengths=(300, 444), heads=(8, 2), dim=64, dtype=torch.float16):
    torch.manual_seed(1)
    return [torch.randn(2, length, head, dim, device="cuda").to(dtype)
            for length, head in zip((lengths[0], lengths[1], lengths[1]), (heads[0], heads[1], heads[1]))]


def bhsd(*values):
    return [value.transpose(1, 2) for value in values]


class Attention(unittest.TestCase):
    def test_both_layouts(self):
        q, k, v = tensors()
        o = torch.ops.warpfinch.attention(q, k, v, causal=True)
        self.assertLessEqual(error(*bhsd(q, k, v, o), True), 1)
        o = warpfinch.attention(*[t.contiguous() for t in bhsd(q, k, v)], layout="bhsd")
        self.assertLessEqual(error(*bhsd(q, k, v), o, False), 1)

    def test_views(self):
        q, k, v = tensors(dtype=torch.bfloat16, heads=(4, 4), lengths=(256, 256))
        o = warpfinch.attention(*bhsd(q, k, v), layout="bhsd")
        self.assertLessEqual(error(*bhsd(q, k, v), o, False), 1)
        packed = torch.cat((q, k, v), 2)
        o = warpfinch.attention(*packed.chunk(3, 2))
        self.assertLessEqual(error(*bhsd(q, k, v, o), False), 1)
        shifted = torch.empty(q.numel() + 1, dtype=q.dtype, device="cuda")[1:].view_as(q).copy_(q)
        o = warpfinch.attention(shifted, k, v)
        self.assertLessEqual(error(*bhsd(q, k, v, o), False), 1)

    def test_other_streams_and_graphs(self):
        q, k, v = tensors()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            o = warpfinch.attention(q, k, v)
        stream.synchronize()
        self.assertLessEqual(error(*bhsd(q, k, v, o), False), 1)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            o = warpfinch.attention(q, k, v)
        q.copy_(torch.randn_like(q))
        graph.replay()
        torch.cuda.synchronize()
        self.assertLessEqual(error(*bhsd(q, k, v, o), False), 1)

    def test_compiles_with_the_schema(self):
        operator, tests = torch.ops.warpfinch.attention.default, ("test_schema", "test_faketensor")
        torch.library.opcheck(operator, tuple(tensors()), {"causal": True}, test_utils=tests)


class Plans(unittest.TestCase):
    def test_tensors_are_checked(self):
        plan = warpfinch.plan("softmax rows=64 columns=128 dtype=bf16", database="")
        x = torch.randn(64, 128, device="cuda", dtype=torch.bfloat16)
        y = torch.empty_like(x)
        plan.launch(x, y)
        torch.cuda.synchronize()
        torch.testing.assert_close(y.float(), x.float().softmax(-1), rtol=2**-7, atol=1e-6)
        for wrong in (x.float(), x.cpu(), x[:32].clone()):
            with self.assertRaises(ValueError):
                plan.launch(wrong, y)
        with self.assertRaises(warpfinch.WarpfinchError):
            plan.launch(x)

    def test_a_workspace_is_found(self):
        problem = "attention_three_kernel q_heads=2 q_len=256 head_dim=64 dtype=fp16"
        plan = warpfinch.plan(problem, database="")
        self.assertGreater(plan.workspace_size, 0)
        q = torch.randn(1, 256, 2, 64, device="cuda", dtype=torch.float16)
        o = torch.empty_like(q)
        plan.launch(q, q, q, o)
        plan.launch(*bhsd(q, q, q, o))  # [batch, heads, length, dim] as the buffers are, on the same memory
        with self.assertRaisesRegex(ValueError, "lies in memory as"):
            plan.launch(*[t.contiguous() for t in bhsd(q, q, q, o)])
        torch.cuda.synchronize()
        self.assertLessEqual(error(*bhsd(q, q, q, o), False), 1)

    def test_tunes(self):
        seen = []
        with tempfile.TemporaryDirectory() as folder:
            plan = warpfinch.tune("softmax rows=512 columns=512 dtype=bf16", "4",
                                  database=folder + "/configs.db", progress=seen.append)
        self.assertIn("warps=", plan.config)
        self.assertGreaterEqual(seen[-1].done, 1)


if __name__ == "__main__":
    unittest.main()

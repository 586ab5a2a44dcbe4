"""What the attention benchmark stands on, on the CPU: its float64 reference against the definition, its peaked
inputs, its arithmetic of times."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "bench"))

try:
    import torch
except ModuleNotFoundError:
    print("SKIPPED: PyTorch is not installed")
    sys.exit(77)

import accuracy
import data
import timing

torch.set_num_threads(1)  # the tensors are small
SCALE = 0.25
CASES = (("none", 70, 90, {}), ("causal", 70, 90, {}), ("causal", 90, 70, {}),
         ("causal_top_left", 70, 90, {}), ("none", 80, 80, {"window_left": "10"}),
         ("causal", 90, 90, {"window_left": "20"}))


def visible(mask, q_len, kv_len, extra):
    """[rows, keys], as generator/problem.hpp defines it."""
    offset = kv_len - q_len if mask != "causal_top_left" else 0
    left = int(extra.get("window_left", kv_len + q_len))
    place = torch.arange(q_len)[:, None] + offset - torch.arange(kv_len)[None, :]
    return (place <= left) & ((place >= 0) if mask != "none" else True)


def attend(q, k, v, seen):
    """The output in bf16 and the LSE in fp32, straight from the definition."""
    group = q.shape[1] // k.shape[1]
    k, v = (t.repeat_interleave(group, 1).double() for t in (k, v))
    scores = (SCALE * q.double() @ k.transpose(-1, -2)).masked_fill(~seen, float("-inf"))
    return (scores.softmax(-1).nan_to_num(0.0) @ v).bfloat16(), scores.logsumexp(-1).float()


def inputs(q_len, kv_len, kind):
    draw = torch.Generator().manual_seed(3)
    q = torch.randn(2, 4, q_len, 16, generator=draw).bfloat16()
    k, v = (torch.randn(2, 2, kv_len, 16, generator=draw).bfloat16() for _ in range(2))
    data.shape_inputs(q, k, v, kind, SCALE)
    return q, k, v


def every_case():
    for mask, q_len, kv_len, extra in CASES:
        for kind in data.kinds([1.0, 6.0, 40.0], rising=True, large=True):
            q, k, v = inputs(q_len, kv_len, kind)
            yield (q, k, v), {"mask": mask} | extra, attend(q, k, v, visible(mask, q_len, kv_len, extra))


class Errors(unittest.TestCase):
    def errors(self, tensors, known, o, lse, flops=1e3):
        return accuracy.attention_errors(*tensors, {"it": (o, lse)}, known, SCALE, flops)["it"]

    def test_the_definition_is_within_the_bound(self):
        for tensors, known, (o, lse) in every_case():
            error, lse_error = self.errors(tensors, known, o, lse)
            self.assertLess(error, 1, known)  # its only error is the rounding of O
            self.assertLess(lse_error, 0.05, known)

    def test_weights_that_are_rounded_away_are_seen(self):
        q, k, v = (torch.full((1, 1, length, 64), 1.0).half() for length in (1, 50007, 50007))
        o, lse = torch.tensor(0.998535).half().expand(1, 1, 1, 64), torch.tensor([[[50007.0]]]).log()
        error, lse_error = self.errors((0 * q, k, v), {"mask": "none"}, o, lse)
        # Three gaps of 2^-11; the bound: P, cuts and sum on the way through the keys, and half a gap.
        self.assertAlmostEqual(error, 3 * 2**-11 / (2**-11 + 2**-12 + 25004 * (0.625 * 2**-25 + 2**-27)
                                                    + 50007 * 2**-32 + 2**-16), delta=0.01)
        self.assertLess(lse_error, 0.05)

    def test_planted_errors_of_a_gemm_are_seen(self):
        draw = torch.Generator().manual_seed(5)
        a, b = (torch.randn(1, 64, 64, generator=draw).bfloat16() for _ in range(2))
        exact = 0.5 * (a.double() @ b.double())
        for dtype in (torch.bfloat16, torch.float32):
            for gelu in (False, True):
                right = 0.5 * exact * torch.special.erfc(-exact / 2**0.5) if gelu else exact
                c = right.to(dtype)
                self.assertLess(accuracy.gemm_errors(a, b, {"it": c}, 0.5, gelu=gelu)["it"], 1)
                c[0, 5, 7] += 0.05 * c.abs().max()
                self.assertGreater(accuracy.gemm_errors(a, b, {"it": c}, 0.5, gelu=gelu)["it"], 1)

    def test_small_pieces_give_the_same(self):
        tensors = inputs(90, 70, data.ORDINARY)
        known, (o, lse) = {"mask": "causal"}, attend(*tensors, visible("causal", 90, 70, {}))
        whole = self.errors(tensors, known, o, lse)
        self.addCleanup(setattr, accuracy, "SCORES_AT_ONCE", accuracy.SCORES_AT_ONCE)
        accuracy.SCORES_AT_ONCE = 1000
        for one, other in zip(self.errors(tensors, known, o, lse), whole):
            self.assertAlmostEqual(one, other, places=9)

    def test_planted_errors_are_seen(self):
        for tensors, known, (o, lse) in every_case():
            spoiled, spoiled_lse = o.clone(), lse.clone()
            spoiled[1, 3, 5, 2] += 0.1 * tensors[2].abs().max().item()
            spoiled_lse[0, 1, -1] += 0.1
            error, lse_error = self.errors(tensors, known, spoiled, spoiled_lse)
            self.assertGreater(error, 1, known)
            self.assertGreater(lse_error, 1, known)

    def test_what_was_not_written_is_seen_outside_the_sample_too(self):
        tensors = inputs(300, 300, data.ORDINARY)
        o, lse = attend(*tensors, visible("none", 300, 300, {}))
        rows = accuracy.rows_to_check(300, 1e15, "cpu").tolist()
        row = next(row for row in range(300) if row not in rows)
        o[1, 1, row, 3] = float("nan")
        lse[1, 1, row] = float("nan")
        self.assertEqual(self.errors(tensors, {"mask": "none"}, o, lse, 1e15), (float("inf"), float("inf")))


class Inputs(unittest.TestCase):
    def scores(self, kind):
        q, k, _ = inputs(64, 512, kind)
        return SCALE * q.double() @ k.double().repeat_interleave(2, 1).transpose(-1, -2)

    def test_the_spread_is_that_of_the_scores(self):
        for spread in (1.0, 6.0, 40.0):
            self.assertAlmostEqual(self.scores(data.Data(spread)).std().item() / spread, 1, delta=0.1)

    def test_a_trend_is_six_deviations_high(self):
        for trend in (1, -1):
            scores = self.scores(data.Data(6.0, trend))
            rise = (scores[..., -64:].mean() - scores[..., :64].mean()).item() * trend
            self.assertAlmostEqual(rise / (data.RAMP_DEVIATIONS * 6 * 448 / 512), 1, delta=0.1)

    def test_ordinary_data_come_first_and_once(self):
        names = [kind.name for kind in data.kinds([1.0, 6.0], rising=True)]
        self.assertEqual(names, ["spread=1", "spread=6", "spread=1 rising", "spread=1 falling",
                                 "spread=6 rising", "spread=6 falling"])


class Timing(unittest.TestCase):
    def test_a_graph_is_long_but_a_long_launch_stands_alone(self):
        self.assertEqual([timing.launches_per_graph(us) for us in (3.5, 100, 500, 1500, 30000)],
                         [20, 20, 4, 1, 1])

    def test_the_spread_is_between_the_quartiles(self):
        times = timing.summary([5.0, 1.0, 4.0, 2.0, 3.0])
        self.assertEqual((times.median, times.low, times.high), (3, 1, 5))
        self.assertAlmostEqual(times.spread, 2 / 3)


if __name__ == "__main__":
    unittest.main()

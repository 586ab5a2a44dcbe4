"""Float64 references on the GPU and the project's bounds: an error is told as a multiple of the bound, so
that 1 is the limit. Needs PyTorch. The bounds are those of runtime/error_bounds.hpp, which derives them;
names are the same here. Its inputs are never so small in bits that sums of products are exact.
"""

import math

import torch

FORMAT = {torch.bfloat16: (8, -126), torch.float16: (11, -14), torch.float32: (24, -126)}  # digits, exponent
ROUNDING = {dtype: 2.0**-digits for dtype, (digits, _) in FORMAT.items()}
FLOAT_ROUNDING, EXP2_ERROR = 2.0**-24, 2.0**-22
EXPONENT_ROUNDINGS, CHAINS = 3 * FLOAT_ROUNDING, 8
CUT = 0.625 * 2.0**-25     # of the sum so far, per key behind
WEIGHT_ROUNDING = 2.0**-16
LOST_WEIGHT = {torch.bfloat16: 2.0**-126, torch.float16: 2.0**-32}
LARGEST_EXPONENT = 40
WILD = 0.125               # errors of scores that first-order terms do not describe
ALL_ROWS_UP_TO_FLOPS = 2e11
SAMPLED_ROWS = 64
ROWS_AT_ONCE = 2048        # of a gemm
SCORES_AT_ONCE = 1 << 25   # float64 scores in memory: 256 MB, and several times that for what is made of them


def product_sum_error(count):
    return max(count, 5) * FLOAT_ROUNDING


def last_rounding(value, right, dtype):
    """Half the gap between an output and its neighbour on the side of the right value."""
    digits, smallest = FORMAT[dtype]
    fraction, exponent = torch.frexp(value)
    towards_zero = (value.signbit() != right.signbit()) | (right.abs() < value.abs())
    exponent = exponent - 1 - ((fraction.abs() == 0.5) & towards_zero).int()
    exponent = torch.where(value == 0, smallest, exponent.clamp(min=smallest))
    return torch.exp2((exponent - digits).double())


def ratio(value, right, bound):
    """Largest |value - right| / (bound + last rounding); infinite for NaN. Equal infinities are no error."""
    dtype, value = value.dtype, value.double()
    error = torch.where(value == right, torch.zeros_like(right), (value - right).abs())
    allowed = bound + last_rounding(value, right, dtype)
    worst = torch.where(error == 0, torch.zeros_like(error), error / allowed)
    return torch.where(worst.isnan(), torch.full_like(worst, float("inf")), worst).max()


def rows_to_check(count, flops, device):
    """All rows, or of a big problem the first, the last, those at tile edges, and random ones."""
    if flops <= ALL_ROWS_UP_TO_FLOPS or count <= 2 * SAMPLED_ROWS:
        return torch.arange(count, device=device)
    edges = {0, 1, count - 2, count - 1}
    for tile in (64, 128, 192, 256):
        edges |= {tile - 1, tile, count // tile * tile - 1, min(count // tile * tile, count - 1)}
    picked = torch.randint(count, (SAMPLED_ROWS,), generator=torch.Generator().manual_seed(7)).tolist()
    return torch.tensor(sorted(row for row in edges | set(picked) if row < count), device=device)


def _hidden(rows, known, q_len, kv_len):
    """[rows, keys]: True where the query does not see the key; None: it sees all."""
    left, right = int(known.get("window_left", -1)), int(known.get("window_right", -1))
    mask = known["mask"]
    offset = kv_len - q_len if mask != "causal_top_left" else 0
    keys = torch.arange(kv_len, device=rows.device)
    place = rows[:, None] + offset - keys[None, :]  # of the query, from the key
    hidden = None
    for beyond in ([place < 0] if mask != "none" else []) + ([place > left] if left >= 0 else []) + \
            ([place < -right] if right >= 0 else []):
        hidden = beyond if hidden is None else hidden | beyond
    return hidden


class _Weights:
    """Of some rows of some heads: the scores' softmax before it is normalized, [heads, rows, keys], and what
    can be wrong with it. q [heads, rows, dim], k [heads, keys, dim], float64; hidden [rows, keys] or None."""

    def __init__(self, q, k, hidden, scale, dtype, scaled_q):
        self.scores = scale * (q @ k.transpose(1, 2))
        keys = torch.arange(k.shape[1], device=k.device)
        end = torch.full(q.shape[1:2], k.shape[1], device=k.device)
        if hidden is not None:
            self.scores.masked_fill_(hidden, float("-inf"))
            end = torch.where(hidden, 0, keys + 1).amax(-1)
        self.maximum, self.top = self.scores.max(-1, keepdim=True)
        self.p = torch.exp(self.scores - self.maximum.clamp(min=-1e300))
        self.sum = self.p.sum(-1, keepdim=True)  # 0 for a row that sees nothing
        self.log_keys = end.clamp(min=1).double().log()[:, None]
        behind = (end[:, None] - keys).clamp(min=0)
        self.behind = (self.p * behind).sum(-1, keepdim=True) / self.sum
        of_score = product_sum_error(q.shape[2]) + (ROUNDING[dtype] if scaled_q else 0)
        self.error = of_score * scale * q.norm(dim=-1)[..., None] * k.norm(dim=-1)[:, None]
        moved = self._moved()
        self.moved = moved.sum(-1, keepdim=True)
        self.margins = self.p * (ROUNDING[dtype] + WEIGHT_ROUNDING + CUT * behind) + moved
        self.margins += torch.where(self.scores > float("-inf"), LOST_WEIGHT[dtype] * self.sum, 0.0)

    def _moved(self):
        """What the scores' errors may add to the weights, but to the largest."""
        exponent = self.scores - self.maximum + self.error + self.error.gather(-1, self.top)
        moved = torch.exp(exponent.clamp(max=LARGEST_EXPONENT)) - self.p
        return moved.nan_to_num_(0.0).scatter_(-1, self.top, 0.0)

    def output_bound(self, right, v):
        """[heads, rows, dim], before the last rounding."""
        top_value = v.abs().gather(1, self.top.expand(-1, -1, v.shape[2]))
        of_sum = (FLOAT_ROUNDING / CHAINS * self.behind + EXP2_ERROR + EXPONENT_ROUNDINGS * self.log_keys
                  + CHAINS * FLOAT_ROUNDING)
        bound = (self.margins @ v.abs() + self.moved * top_value) / self.sum + of_sum * right.abs()
        return torch.minimum(bound, (right.abs() + v.abs().amax(1, keepdim=True)) * (1 + 2.0**-7))

    def lse(self):
        return self.maximum + self.sum.log()

    def lse_bound(self):
        mean = (self.p * self.error).sum(-1, keepdim=True) / self.sum
        largest = self.error.masked_fill(self.scores == float("-inf"), 0.0).amax(-1, keepdim=True)
        return (torch.where(largest > WILD, largest, mean) + FLOAT_ROUNDING / 2 * self.behind
                + EXP2_ERROR * (12 + 3 * self.log_keys)
                + FLOAT_ROUNDING * (self.maximum.abs() + 2 * self.lse().abs()))


def _references(q, k, v, rows, known, scale, scaled_q):
    """(output, its bound, LSE, its bound) of some rows of some heads. q [heads, group, rows, dim], k and v
    [heads, keys, dim]."""
    heads, group, count, dim = q.shape
    hidden = _hidden(rows, known, known["q_len"], k.shape[1])
    if hidden is not None:
        hidden = hidden.repeat(group, 1)
    flat, dtype = q.double().reshape(heads, group * count, dim), q.dtype
    weights, v = _Weights(flat, k.double(), hidden, scale, dtype, scaled_q), v.double()
    right = (weights.p @ v / weights.sum).nan_to_num_(0.0)  # a row that sees nothing is 0
    found = right, weights.output_bound(right, v), weights.lse(), weights.lse_bound()
    return [tensor.reshape(heads * group, count, -1) for tensor in found]


def _pieces(rows, kv_heads, group, kv_len):
    """(rows, heads of K) so small that their scores fit."""
    rows_at_once = max(1, min(len(rows), SCORES_AT_ONCE // (group * kv_len)))
    for some in rows.split(rows_at_once):
        heads_at_once = max(1, SCORES_AT_ONCE // (group * kv_len * len(some)))
        for head in range(0, kv_heads, heads_at_once):
            yield some, slice(head, min(head + heads_at_once, kv_heads))


def attention_errors(q, k, v, outputs, known, scale, flops, scaled_q=False):
    """{name: (o, lse or None)} → {name: (error of o, error of lse or None)}. Tensors [batch, heads, length,
    dim]; known: the problem's fields; scaled_q: for a config that rounds Q once more."""
    group = q.shape[1] // k.shape[1]
    known = known | {"q_len": q.shape[2]}
    rows = rows_to_check(q.shape[2], flops, q.device)
    worst = {name: torch.zeros(2, dtype=torch.float64, device=q.device) for name in outputs}
    for batch in range(q.shape[0]):
        for some, kv in _pieces(rows, k.shape[1], group, k.shape[2]):
            heads = slice(kv.start * group, kv.stop * group)
            queries = q[batch, heads][:, some].unflatten(0, (-1, group))
            right, bound, right_lse, lse_bound = _references(queries, k[batch, kv], v[batch, kv], some, known,
                                                             scale, scaled_q)
            for name, (o, lse) in outputs.items():
                found = [ratio(o[batch, heads][:, some], right, bound), torch.zeros_like(worst[name][1])]
                if lse is not None:
                    found[1] = ratio(lse[batch, heads][:, some], right_lse[..., 0], lse_bound[..., 0])
                worst[name] = torch.maximum(worst[name], torch.stack(found))
    return {name: _told(worst[name], o, lse) for name, (o, lse) in outputs.items()}


def _told(worst, o, lse):
    """Elements outside the sample: written at least. An LSE may be -inf."""
    error, lse_error = worst.tolist()
    if not o.isfinite().all():
        error = float("inf")
    if lse is not None and (lse.isnan() | lse.isposinf()).any():
        lse_error = float("inf")
    return error, lse_error if lse is not None else None


def gemm_errors(a, b, outputs, alpha=1.0, bias=None, gelu=False):
    """{name: c} → {name: error}. a [batch, m, k], b [batch, k, n], c [batch, m, n]."""
    worst = {name: torch.zeros((), dtype=torch.float64, device=a.device) for name in outputs}
    for batch in range(a.shape[0]):
        right_factor = b[batch].double()
        for some in torch.arange(a.shape[1], device=a.device).split(ROWS_AT_ONCE):
            rows = a[batch, some].double()
            product, magnitude = alpha * (rows @ right_factor), abs(alpha) * (rows.abs() @ right_factor.abs())
            x = product if bias is None else product + bias.double()
            bound = product_sum_error(a.shape[2]) * magnitude
            if alpha != 1:
                bound = bound + 2 * FLOAT_ROUNDING * product.abs()
            if bias is not None:
                bound = bound + FLOAT_ROUNDING * x.abs()
            right, bound = (_gelu(x), _gelu_error(x, bound)) if gelu else (x, bound)
            for name, c in outputs.items():
                worst[name] = torch.maximum(worst[name], ratio(c[batch, some], right, bound))
    return {name: value.item() for name, value in worst.items()}


def _gelu(x):
    return 0.5 * x * torch.special.erfc(-x / math.sqrt(2))


def _gelu_slope(x):
    return (0.5 * torch.special.erfc(-x / math.sqrt(2))
            + x / math.sqrt(2 * math.pi) * torch.exp(-0.5 * x * x)).abs()


def _gelu_error(x, error):
    slope = torch.where(x + error < -math.sqrt(2), _gelu_slope(x + error), _gelu_slope(x) + 0.8 * error)
    condition = torch.where(x < 0, x * x + 1, 0.5)
    return (slope * error + FLOAT_ROUNDING * (1.3 * condition + 9) * _gelu(x).abs() + x.abs() * 2.0**-148)

"""Float64 references on the GPU and the project's bounds: an error is told as a multiple of the bound, so
that 1 is the limit. Needs PyTorch.

attention: |o - o64| <= 2u (|o64| + sum_j p_j |v_j|), gemm: |c - c64| <= 2u (|c64| + |alpha| sum |a||b|), with
u = 2^-9 for bf16 and 2^-12 for fp16; fp32 output of a gemm: k 2^-23 |alpha| sum |a||b| + 2^-23 |c64|.
"""

import torch

UNIT = {torch.bfloat16: 2.0**-9, torch.float16: 2.0**-12}
ALL_ROWS_UP_TO_FLOPS = 1e12
SAMPLED_ROWS = 64
ROWS_AT_ONCE = 2048  # bounds the memory of the float64 scores
GELU_SLOPE = 1.13    # its derivative stays below


def ratio(value, right, bound):
    """Largest |value - right| / bound; infinite for NaN."""
    error = (value.double() - right).abs()
    worst = torch.where(error == 0, torch.zeros_like(error), error / bound)
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


def _mask(scores, rows, mask, q_len):
    """Scores with -inf where the mask hides the key."""
    if mask == "none":
        return scores
    offset = scores.shape[1] - q_len if mask == "causal" else 0
    keys = torch.arange(scores.shape[1], device=scores.device)
    return scores.masked_fill(keys[None, :] > rows[:, None] + offset, float("-inf"))


def _head(q, k, v, rows, mask, scale):
    """Right values and bounds (without 2u) of some rows of one head."""
    scores = _mask(scale * (q[rows].double() @ k.double().T), rows, mask, q.shape[0])
    p = scores.softmax(-1).nan_to_num(0.0)  # a row that sees nothing is 0
    right = p @ v.double()
    return right, right.abs() + p @ v.double().abs()


def attention_errors(q, k, v, outputs, mask, scale, flops):
    """{name: o} → {name: error}. All tensors [batch, heads, length, dim]."""
    group = q.shape[1] // k.shape[1]
    rows = rows_to_check(q.shape[2], flops, q.device)
    worst = {name: torch.zeros((), dtype=torch.float64, device=q.device) for name in outputs}
    for batch in range(q.shape[0]):
        for head in range(q.shape[1]):
            for some in rows.split(ROWS_AT_ONCE):
                keys, values = k[batch, head // group], v[batch, head // group]
                right, bound = _head(q[batch, head], keys, values, some, mask, scale)
                for name, o in outputs.items():
                    error = ratio(o[batch, head, some], right, 2 * UNIT[q.dtype] * bound)
                    worst[name] = torch.maximum(worst[name], error)
    # Elements outside the sample: written at least.
    return {name: worst[name].item() if o.isfinite().all() else float("inf") for name, o in outputs.items()}


def gemm_errors(a, b, outputs, alpha=1.0, bias=None, gelu=False):
    """{name: c} → {name: error}. a [batch, m, k], b [batch, k, n], c [batch, m, n]."""
    worst = {name: torch.zeros((), dtype=torch.float64, device=a.device) for name in outputs}
    for batch in range(a.shape[0]):
        right_factor = b[batch].double()
        for some in torch.arange(a.shape[1], device=a.device).split(ROWS_AT_ONCE):
            rows = a[batch, some].double()
            right, magnitude = alpha * (rows @ right_factor), abs(alpha) * (rows.abs() @ right_factor.abs())
            right = right if bias is None else right + bias.double()
            for name, c in outputs.items():
                bound = _gemm_bound(c.dtype, right, magnitude, a.shape[2]) * (GELU_SLOPE if gelu else 1)
                expected = torch.nn.functional.gelu(right) if gelu else right
                worst[name] = torch.maximum(worst[name], ratio(c[batch, some], expected, bound))
    return {name: value.item() for name, value in worst.items()}


def _gemm_bound(dtype, right, magnitude, k):
    if dtype == torch.float32:
        return k * 2.0**-23 * magnitude + 2.0**-23 * right.abs()
    return 2 * UNIT[dtype] * (right.abs() + magnitude)

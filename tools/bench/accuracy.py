"""Float64 references on the GPU and the project's bounds: an error is told as a multiple of the bound, so
that 1 is the limit. Needs PyTorch.

attention: |o - o64| <= 2u (|o64| + sum_j p_j |v_j|), LSE: |l - l64| <= 1e-4 max(1, |l64|); gemm: |c - c64| <=
2u (|c64| + |alpha| sum |a||b|), with u = 2^-9 for bf16 and 2^-12 for fp16; fp32 output of a gemm:
k 2^-23 |alpha| sum |a||b| + 2^-23 |c64|. To a 16-bit output's bound comes half its smallest subnormal.
"""

import torch

UNIT = {torch.bfloat16: 2.0**-9, torch.float16: 2.0**-12}
UNDERFLOW = {torch.bfloat16: 2.0**-134, torch.float16: 2.0**-25}
LSE_BOUND = 1e-4
ALL_ROWS_UP_TO_FLOPS = 2e11
SAMPLED_ROWS = 64
ROWS_AT_ONCE = 2048        # of a gemm
SCORES_AT_ONCE = 1 << 26   # float64 scores in memory: 512 MB, and a few times that for what is made of them
GELU_SLOPE = 1.13          # its derivative stays below


def ratio(value, right, bound):
    """Largest |value - right| / bound; infinite for NaN. Equal infinities are no error."""
    value = value.double()
    error = torch.where(value == right, torch.zeros_like(right), (value - right).abs())
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


def _references(q, k, v, rows, known, scale):
    """(output, its bound without 2u, LSE) of some rows of some heads. q [heads, group, rows, dim], k and v
    [heads, keys, dim]."""
    heads, group, count, dim = q.shape
    scores = scale * (q.double().reshape(heads, group * count, dim) @ k.double().transpose(1, 2))
    hidden = _hidden(rows, known, known["q_len"], k.shape[1])
    if hidden is not None:
        scores.view(heads, group, count, -1).masked_fill_(hidden, float("-inf"))
    lse = scores.logsumexp(-1)
    p = scores.softmax(-1).nan_to_num_(0.0)  # a row that sees nothing is 0
    right, magnitude = p @ v.double(), p @ v.double().abs()
    shape = (heads * group, count)
    return right.view(*shape, -1), (right.abs() + magnitude).view(*shape, -1), lse.view(shape)


def _pieces(rows, kv_heads, group, kv_len):
    """(rows, heads of K) so small that their scores fit."""
    rows_at_once = max(1, min(len(rows), SCORES_AT_ONCE // (group * kv_len)))
    for some in rows.split(rows_at_once):
        heads_at_once = max(1, SCORES_AT_ONCE // (group * kv_len * len(some)))
        for head in range(0, kv_heads, heads_at_once):
            yield some, slice(head, min(head + heads_at_once, kv_heads))


def attention_errors(q, k, v, outputs, known, scale, flops):
    """{name: (o, lse or None)} → {name: (error of o, error of lse or None)}. Tensors [batch, heads, length,
    dim]; known: the problem's fields."""
    group = q.shape[1] // k.shape[1]
    known = known | {"q_len": q.shape[2]}
    rows = rows_to_check(q.shape[2], flops, q.device)
    worst = {name: torch.zeros(2, dtype=torch.float64, device=q.device) for name in outputs}
    for batch in range(q.shape[0]):
        for some, kv in _pieces(rows, k.shape[1], group, k.shape[2]):
            heads = slice(kv.start * group, kv.stop * group)
            queries = q[batch, heads][:, some].unflatten(0, (-1, group))
            right, bound, right_lse = _references(queries, k[batch, kv], v[batch, kv], some, known, scale)
            bound = 2 * UNIT[q.dtype] * bound + UNDERFLOW[q.dtype]
            for name, (o, lse) in outputs.items():
                found = [ratio(o[batch, heads][:, some], right, bound), torch.zeros_like(worst[name][1])]
                if lse is not None:
                    lse_bound = LSE_BOUND * right_lse.abs().clamp(min=1)
                    found[1] = ratio(lse[batch, heads][:, some], right_lse, lse_bound)
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

"""torch.ops.warpfinch.attention: fused attention as an operator of PyTorch, forward only.

Works under torch.compile (it has a fake kernel), on the current stream and inside graph capture once its
shape was planned. Plans are cached by shape, strides and type of the tensors.
"""

import functools
from typing import Optional

import torch

from .plans import engine

_DTYPES = {torch.bfloat16: "bf16", torch.float16: "fp16"}
_LAYOUTS = {"bshd": (0, 2, 1, 3), "bhsd": (0, 1, 2, 3)}  # logical (batch, head, row, column) in the tensor
_ALIGNMENT = 16  # bytes


def _logical(values, layout):
    return tuple(values[i] for i in _LAYOUTS[layout])


def _refuse(what):
    raise ValueError(f"warpfinch::attention: {what}")


def _check(q, k, v, layout):
    if layout not in _LAYOUTS:
        _refuse(f"layout={layout}: not one of bshd, bhsd")
    for name, tensor in (("q", q), ("k", k), ("v", v)):
        if tensor.dim() != 4:
            _refuse(f"{name} has {tensor.dim()} dimensions, should have 4 ({layout})")
        if tensor.dtype not in _DTYPES or tensor.dtype != q.dtype:
            _refuse(f"{name} is {tensor.dtype}; all must be bfloat16 or all float16")
    batch, _, _, head_dim = _logical(q.shape, layout)
    k_batch, kv_heads, kv_len, k_dim = _logical(k.shape, layout)
    if (k_batch, k_dim) != (batch, head_dim):
        _refuse(f"k {tuple(k.shape)} does not fit q {tuple(q.shape)} ({layout})")
    if _logical(v.shape, layout)[:3] != (batch, kv_heads, kv_len):
        _refuse(f"v {tuple(v.shape)} does not fit k {tuple(k.shape)} ({layout})")


def problem_text(shapes, strides, dtype, causal, scale, layout):
    """The problem of q, k and v. shapes, strides: logical; strides None: contiguous in the layout."""
    (batch, q_heads, q_len, head_dim), (_, kv_heads, kv_len, _), (_, _, _, value_dim) = shapes
    text = (f"attention_forward batch={batch} q_heads={q_heads} kv_heads={kv_heads} q_len={q_len} "
            f"kv_len={kv_len} head_dim={head_dim} dtype={dtype} mask={'causal' if causal else 'none'} "
            f"layout={layout}")
    if value_dim != head_dim:
        text += f" value_dim={value_dim}"
    if scale is not None:
        text += f" scale={scale!r}"
    for name, values in zip("qkv", strides):
        if values is not None:
            text += f" {name}_strides={','.join(map(str, values))}"
    return text


@functools.lru_cache(maxsize=1024)
def _plan(planner, _tuned, shapes, strides, dtype, causal, scale, layout):
    return planner.plan(problem_text(shapes, strides, dtype, causal, scale, layout))


def _output(q, v, layout):
    batch, heads, rows, _ = _logical(q.shape, layout)
    shape = (batch, heads, rows, _logical(v.shape, layout)[3])
    return q.new_empty(_logical(shape, layout))  # both orders are their own inverse


def _aligned(tensor):
    if tensor.data_ptr() % _ALIGNMENT == 0:
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)


@torch.library.custom_op("warpfinch::attention", mutates_args=(), device_types="cuda")
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = False,
              scale: Optional[float] = None, layout: str = "bshd") -> torch.Tensor:
    """softmax(scale * q k^T + mask) v.

    q [batch, length, heads, dim] (bshd) or [batch, heads, length, dim] (bhsd); k and v may have fewer heads
    (a divisor of q's) and another length; any strides. causal: row i sees keys up to i + kv_len - q_len.
    scale None: 1/sqrt(dim). Returns a contiguous tensor of q's layout. A tensor whose first byte is not
    16-byte aligned is copied.
    """
    _check(q, k, v, layout)
    if k.device != q.device or v.device != q.device:
        _refuse(f"q, k, v are on {q.device}, {k.device}, {v.device}: not one GPU")
    o = _output(q, v, layout)
    if o.numel() == 0:
        return o
    inputs = tuple(_aligned(t) for t in (q, k, v))
    shapes = tuple(_logical(t.shape, layout) for t in inputs)
    strides = tuple(None if t.is_contiguous() else _logical(t.stride(), layout) for t in inputs)
    planner = engine(f"cuda:{q.device.index}")
    plan = _plan(planner, planner.tuned, shapes, strides, _DTYPES[q.dtype], causal, scale, layout)
    plan.launch(*(t.permute(_LAYOUTS[layout]) for t in (*inputs, o)))  # as the buffers: [batch, heads, …]
    return o


@attention.register_fake
def _(q, k, v, causal=False, scale=None, layout="bshd"):
    _check(q, k, v, layout)
    return _output(q, v, layout)

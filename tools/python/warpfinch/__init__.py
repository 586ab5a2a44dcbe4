"""Warpfinch from Python: plans, launches and tuning over the C library, with nothing to build.

    import torch, warpfinch
    plan = warpfinch.plan("attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16")
    plan.launch(q, k, v, o)                                  # torch tensors, arrays or addresses
    o = torch.ops.warpfinch.attention(q, k, v, causal=True)  # the same as an operator

The library is looked for at WARPFINCH_LIBRARY, beside this package, in the build folder, in the installation
and where the system looks; it is loaded when first needed. Problem and config texts are those of the command
line. Whatever the library refuses becomes WarpfinchError with its one line.
"""

from .library import WarpfinchError, version
from .plans import Buffer, Engine, Plan, Progress, engine, generate, plan, tune

__all__ = ["Buffer", "Engine", "Plan", "Progress", "WarpfinchError", "attention", "engine", "generate",
           "plan", "tune", "version"]

# The operator needs PyTorch, everything else does without.
try:
    import torch as _torch  # noqa: F401
except ImportError:

    def attention(*_arguments, **_options):
        """Needs PyTorch, which cannot be imported here."""
        raise ImportError("warpfinch.attention needs PyTorch, which cannot be imported here")
else:
    from .attention import attention

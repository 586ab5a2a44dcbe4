"""Who we measure ourselves by: PyTorch's SDPA with cuDNN and with FlashAttention-2, and FlashAttention-3
where a build of it can be imported (as flash_attn_interface; FLASH_ATTENTION_3_PATH names its folder). Needs
PyTorch."""

import functools
import os
import sys
import warnings


def comparable(known):
    """Why a problem cannot be given to the peers; None: it can. SDPA's causal mask is aligned to the top
    left."""
    if "window_left" in known or "window_right" in known:
        return "no windows here"
    if known["mask"] == "causal" and known["q_len"] != known["kv_len"]:
        return "SDPA aligns its causal mask to the other corner"
    return None


def _sdpa(backend, q, k, v, options):
    import torch
    from torch.nn.attention import sdpa_kernel

    def run():
        with sdpa_kernel([backend]):
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, **options)
    return run


def _first_that_runs(name, tries, note):
    """tries: (callable, how). The first that does not raise; None, with notes, where all do."""
    for run, how in tries:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                run()
            except (RuntimeError, TypeError, AssertionError) as error:
                reasons = [str(warning.message) for warning in said] or [str(error)]
                note(f"{name}{how} refuses: {reasons[-1][:200]}")
                continue
        if how:
            note(f"{name} runs{how}")
        return run
    return None


def sdpa(name, q, k, v, known, note):
    """SDPA through the backend "cudnn" or "fa2"; None, with a note, where it refuses."""
    from torch.nn.attention import SDPBackend
    backend = {"cudnn": SDPBackend.CUDNN_ATTENTION, "fa2": SDPBackend.FLASH_ATTENTION}[name]
    group = q.shape[1] // k.shape[1]
    options = {"is_causal": known["mask"] != "none", "enable_gqa": group > 1}
    if "scale" in known:
        options["scale"] = float(known["scale"])
    tries = [(_sdpa(backend, q, k, v, options), "")]
    if group > 1:
        repeated = (t.repeat_interleave(group, 1) for t in (k, v))
        tries.append((_sdpa(backend, q, *repeated, options | {"enable_gqa": False}),
                      " with K and V repeated per head"))
    return _first_that_runs(name, tries, note)


@functools.cache
def flash_attention_3():
    """The function of FlashAttention-3; None where there is no build of it."""
    folder = os.environ.get("FLASH_ATTENTION_3_PATH")
    if folder and folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        from flash_attn_interface import flash_attn_func
    except (ImportError, OSError, RuntimeError):
        return None
    return flash_attn_func


def fa3(q, k, v, known, note):
    """FlashAttention-3 on the same memory; None where it is not there or, with a note, where it refuses."""
    function = flash_attention_3()
    # Its causal mask is aligned to the bottom right.
    if function is None or (known["mask"] == "causal_top_left" and known["q_len"] != known["kv_len"]):
        return None
    rows_first = [t.transpose(1, 2) for t in (q, k, v)]  # it takes [batch, length, heads, dim]
    options = {"causal": known["mask"] != "none"}
    if "scale" in known:
        options["softmax_scale"] = float(known["scale"])
    return _first_that_runs("fa3", [(lambda: function(*rows_first, **options), "")], note)


def peers(q, k, v, known, note):
    """{name: callable} of those that take this problem."""
    why_not = comparable(known)
    if why_not:
        note(f"not compared: {why_not}")
        return {}
    runs = {name: sdpa(name, q, k, v, known, note) for name in ("cudnn", "fa2")}
    runs["fa3"] = fa3(q, k, v, known, note)
    return {name: run for name, run in runs.items() if run}

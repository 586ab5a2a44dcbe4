"""Inputs: ordinary ones, and the peaked ones that break a softmax which guesses its reference maximum. Needs
PyTorch."""

from dataclasses import dataclass

LARGE = {"float16": 1000.0, "bfloat16": 2.0**80}  # of V's magnitude: what P leaves room for in fp32, or not
RAMP_DEVIATIONS = 6.0  # by so many standard deviations of the scores they rise or fall along the keys


@dataclass(frozen=True)
class Data:
    """spread: of the scores, 1 is the ordinary one (q and k standard normal). trend: +1 scores rise along the
    keys, -1 they fall. large: values are a thousand times the ordinary ones, in bf16 2^80 times."""

    spread: float = 1.0
    trend: int = 0
    large: bool = False

    @property
    def name(self):
        trend = {0: "", 1: " rising", -1: " falling"}[self.trend]
        return f"spread={self.spread:g}{trend}{' large' if self.large else ''}"


ORDINARY = Data()


def kinds(spreads, rising=False, large=False):
    """All that was asked for, the ordinary data first."""
    found = [ORDINARY] + [Data(spread) for spread in spreads if spread != 1]
    if rising:
        found += [Data(spread, trend) for spread in spreads for trend in (1, -1)]
    if large:
        found += [Data(spread, 0, True) for spread in spreads]
    return found


def tensor(buffer, device, generator):
    """Random memory for an input, NaN for an output: what a kernel does not write is seen."""
    import torch
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[buffer.dtype]
    memory = torch.empty_strided(buffer.shape, buffer.strides, dtype=dtype, device=device)
    if buffer.output:
        return memory.fill_(float("nan"))
    return memory.copy_(torch.randn(buffer.shape, generator=generator, device=device, dtype=dtype))


def shape_inputs(q, k, v, data, scale):
    """Makes ordinary q, k and v what `data` says, in place. The trend is one component of q and k of its own:
    1 in every query, growing along the keys, so that it adds to each score what its key's place says."""
    import torch
    q.mul_(data.spread)
    if data.trend:
        height = (RAMP_DEVIATIONS * data.spread / scale) ** 0.5
        ramp = torch.linspace(0, height, k.shape[2], device=k.device)
        q[..., 0] = height
        k[..., 0] = (ramp if data.trend > 0 else ramp.flip(0)).to(k.dtype)
    if data.large:
        v.mul_(LARGE[str(v.dtype).removeprefix("torch.")])

"""What a launch is given: tensors, arrays and addresses seen in one way, and whether they fit a buffer."""

import ctypes
from typing import NamedTuple, Optional

_TORCH_DTYPES = {"torch.bfloat16": "bf16", "torch.float16": "fp16", "torch.float32": "fp32"}
# What NumPy calls little-endian types; bfloat16 is none of its own: ml_dtypes' is V2, its bits are u2.
_ARRAY_DTYPES = {"<f4": "fp32", "<f2": "fp16", "<V2": "bf16", "<u2": "bf16"}


class Memory(NamedTuple):
    """A tensor's first byte and what is known of the rest; of an address nothing is (device "")."""

    address: Optional[int]
    device: str = ""  # "cuda:0", "cpu"
    dtype: str = ""
    shape: tuple = ()
    strides: tuple = ()  # in elements
    writable: bool = True


def place_of(device):
    """Where the memory of a device's launches has to be, in torch's words: "cuda:0" of "cuda:0,target=sm_90",
    "cpu" of an emulator."""
    return "cpu" if device.startswith("emulator:") else device.partition(",")[0]


def memory_of(thing):
    """Of a torch tensor, an array, an address or None."""
    if hasattr(thing, "untyped_storage"):
        dtype = str(thing.dtype)
        return Memory(thing.data_ptr(), str(thing.device), _TORCH_DTYPES.get(dtype, dtype),
                      tuple(thing.shape), thing.stride())
    if hasattr(thing, "data_ptr"):  # a workspace
        return Memory(thing.data_ptr())
    if hasattr(thing, "__array_interface__"):
        return _memory_of_array(thing.__array_interface__)
    if isinstance(thing, ctypes.c_void_p):
        return Memory(thing.value)
    if thing is None or isinstance(thing, int):
        return Memory(thing)
    raise TypeError(f"a launch takes tensors, arrays and addresses, not {type(thing).__name__}")


def _memory_of_array(interface):
    shape, typestr = tuple(interface["shape"]), interface["typestr"]
    address, read_only = interface["data"]
    size = int(typestr[2:])
    strides = interface.get("strides") or _contiguous(shape, size)
    return Memory(address, "cpu", _ARRAY_DTYPES.get(typestr, typestr), shape,
                  tuple(stride // size if stride % size == 0 else stride / size for stride in strides),
                  not read_only)


def _contiguous(shape, size):
    strides = []
    for extent in reversed(shape):
        strides.insert(0, size)
        size *= extent
    return tuple(strides)


def _without_ones(shape, strides):
    """Where a dimension has one element only, nothing hangs on its place and stride."""
    return tuple((extent, stride) for extent, stride in zip(shape, strides) if extent != 1)


class Fit:
    """What a buffer of a plan takes."""

    def __init__(self, buffer):
        self._buffer = buffer
        order = sorted(range(len(buffer.shape)), key=lambda i: -buffer.strides[i])
        self._in_memory = tuple(buffer.shape[i] for i in order), tuple(buffer.strides[i] for i in order)
        self._fitting = {_without_ones(buffer.shape, buffer.strides), _without_ones(*self._in_memory)}

    def check(self, memory, device):
        """ValueError unless the memory fits and lies on that device ("cuda:0", "cpu"; None: there is none)."""
        if not memory.device:
            return
        buffer, name = self._buffer, f"buffer '{self._buffer.name}'"
        if memory.dtype != buffer.dtype:
            raise ValueError(f"{name} is {buffer.dtype}, the tensor is {memory.dtype}")
        if device and memory.device != device:
            raise ValueError(f"{name}: the tensor is on {memory.device}, the plan runs on {device}")
        if _without_ones(memory.shape, memory.strides) not in self._fitting:
            raise ValueError(f"{name} is {self._text()}; the tensor is {_text(memory.shape, memory.strides)}")
        if buffer.output and not memory.writable:
            raise ValueError(f"{name} is written, the array is read-only")

    def _text(self):
        text = _text(self._buffer.shape, self._buffer.strides)
        if self._in_memory[0] != self._buffer.shape:
            text += f", which lies in memory as {_text(*self._in_memory)}"
        return text


def _text(shape, strides):
    return f"{list(shape)} with strides {list(strides)}"

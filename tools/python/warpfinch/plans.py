"""Engines and plans: the objects of the C interface with Python's lifetimes."""

import ctypes
import functools
import os
import weakref
from dataclasses import dataclass
from typing import Optional

from .library import BufferStruct, check, library
from .memory import Fit, memory_of
from .tuning import TuningRun


@dataclass(frozen=True)
class Buffer:
    """One tensor that a launch takes; shape and strides in elements, outermost dimension first."""

    name: str
    dtype: str
    shape: tuple
    strides: tuple
    bytes: int
    alignment: int
    output: bool


@dataclass(frozen=True)
class Progress:
    """How far a tuning run is; times in microseconds, infinite where nothing works."""

    problem: str
    done: int
    rejected: int
    config: str
    microseconds: float
    rejection: Optional[str]
    best_config: Optional[str]
    best_microseconds: float


def _bytes(text):
    return None if text is None else os.fsencode(text)


def _text(value):
    return None if value is None else value.decode(errors="replace")


class Plan:
    """What solves one problem. `plan` and `generate` make them; those of `generate` have text only."""

    def __init__(self, handle, engine=None):
        self._handle = handle
        self._close = weakref.finalize(self, library().wf_plan_close, handle)
        self._engine = engine  # keeps it open for planning again
        self._emulated = engine is not None and engine.device.startswith("emulator:")
        self._device = "cpu" if self._emulated else engine and engine.device  # where memory has to be
        self.problem = _text(library().wf_plan_problem(handle))
        self.config = _text(library().wf_plan_config(handle))
        self.flops = library().wf_plan_flops(handle)
        self.workspace_size = library().wf_workspace_size(handle)
        self.buffers = tuple(self._buffer(i) for i in range(library().wf_plan_buffer_count(handle)))
        self._fits = tuple(Fit(buffer) for buffer in self.buffers)

    def _buffer(self, index):
        raw = BufferStruct()
        check(library().wf_plan_buffer(self._handle, index, ctypes.byref(raw)))
        return Buffer(_text(raw.name), _text(raw.dtype), tuple(raw.shape[:raw.rank]),
                      tuple(raw.strides[:raw.rank]), raw.bytes, raw.alignment, bool(raw.is_output))

    @property
    def kernel_count(self):
        """Kernels in launch order."""
        return library().wf_plan_kernel_count(self._handle)

    def cuda(self, kernel=0):
        """A kernel's CUDA text with all its headers in it."""
        text = library().wf_plan_cuda(self._handle, kernel)
        if text is None:
            check(2)
        return _text(text)

    def launch(self, *tensors, stream=None, workspace=None):
        """Enqueues the plan's kernels and returns.

        tensors: one per buffer, in order: torch tensors; on the emulator also NumPy arrays (or whatever else has
        __array_interface__; bf16 as ml_dtypes.bfloat16, or as uint16, the bits); or addresses, of which nothing
        can be checked. A tensor must have the buffer's type, shape and strides; dimensions of extent 1 may be
        missing and have any stride. The buffer's dimensions in the order in which they lie in memory will do,
        too: a plan with layout=bshd, whose buffers are [batch, heads, length, dim], takes contiguous tensors
        [batch, length, heads, dim]. ValueError names both sides.
        stream: an address or a torch stream; None: torch's current stream where a tensor was given, else the
        legacy default stream. workspace: likewise; None: torch allocates what is needed. On the emulator all
        memory is the CPU's, the kernels have run when the call returns (only then a Ctrl-C shows), and what
        they did wrong is raised.
        """
        given = [memory_of(tensor) for tensor in tensors]
        for memory, fit in zip(given, self._fits):
            fit.check(memory, self._device)
        device = self._device if any(memory.device for memory in given) else None
        if device is not None and stream is None and not self._emulated:
            import torch
            stream = torch.cuda.current_stream(device)
        if workspace is None and self.workspace_size:
            workspace = (_HostMemory(self.workspace_size) if self._emulated else
                         _allocate(self.workspace_size, device, stream))
        pointers = (ctypes.c_void_p * len(given))(*(memory.address for memory in given))
        check(library().wf_launch(self._handle, pointers, len(given), memory_of(workspace).address,
                                  getattr(stream, "cuda_stream", stream)))


class _HostMemory:
    """A workspace for the emulator, aligned as a GPU's would be."""

    ALIGNMENT = 256

    def __init__(self, size):
        self._bytes = ctypes.create_string_buffer(size + self.ALIGNMENT)

    def data_ptr(self):
        address = ctypes.addressof(self._bytes)
        return address + -address % self.ALIGNMENT


def _allocate(size, device, stream):
    if device is None:
        raise ValueError(f"the plan needs a workspace of {size} bytes")
    import torch
    if not isinstance(stream, torch.cuda.Stream):
        raise ValueError("a stream given as an address needs a workspace too: its life hangs on the stream")
    with torch.cuda.stream(stream):  # so that it is used again only behind these kernels
        return torch.empty(size, dtype=torch.uint8, device=device)


class Engine:
    """A device ("cuda:0", "emulator:sm_90a") and a database: a file; None: the user's own; "": none."""

    def __init__(self, device="cuda:0", database=None):
        handle = ctypes.c_void_p()
        check(library().wf_engine_open(_bytes(device), _bytes(database), ctypes.byref(handle)))
        self._handle = handle
        self.device = device
        self._close = weakref.finalize(self, library().wf_engine_close, handle)
        self.tuned = 0  # tuning runs that have ended; who keeps plans plans anew when it grows

    def plan(self, problem, config=None):
        """Generates, compiles or takes from the cache, loads. config None: the database's or the model's."""
        handle = ctypes.c_void_p()
        check(library().wf_plan(self._handle, _bytes(problem), _bytes(config), ctypes.byref(handle)))
        return Plan(handle, self)

    def tune(self, problem, budget="60s", seed=0, progress=None):
        """Searches for a better config; see wf_tune. progress(Progress) is called on this thread after every
        evaluation and may return False to end the run. An exception (Ctrl-C is one, at any moment) ends it too,
        within about a second: what was found is kept.
        """
        try:
            TuningRun(self._handle, _bytes(problem), _bytes(budget), seed, _watcher(progress)).wait()
        finally:
            self.tuned += 1


def _watcher(progress):
    return progress and (lambda raw: progress(_progress(raw)) is False)


def _progress(raw):
    return Progress(_text(raw.problem), raw.done, raw.rejected, _text(raw.config), raw.microseconds,
                    _text(raw.rejection), _text(raw.best_config), raw.best_microseconds)


@functools.cache
def engine(device="cuda:0", database=None):
    """The process's engine for a device and a database, opened once."""
    return Engine(device, database)


def plan(problem, config=None, device="cuda:0", database=None):
    """A plan that can be launched on `device`."""
    return engine(device, database).plan(problem, config)


def tune(problem, budget="60s", seed=0, device="cuda:0", database=None, progress=None):
    """Tunes and gives the plan with what was found."""
    engine(device, database).tune(problem, budget, seed, progress)
    return engine(device, database).plan(problem)


def generate(problem, config=None, target="sm_90a"):
    """A plan without a GPU: buffers, config and CUDA text."""
    handle = ctypes.c_void_p()
    check(library().wf_generate(_bytes(problem), _bytes(config), _bytes(target), ctypes.byref(handle)))
    return Plan(handle)

"""Engines and plans: the objects of the C interface with Python's lifetimes."""

import ctypes
import functools
import os
import weakref
from dataclasses import dataclass
from typing import Optional

from .library import BufferStruct, LaunchStruct, check, library
from .memory import Fit, memory_of, place_of
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
        self._device = place_of(engine.device) if engine else None
        self.problem = _text(library().wf_plan_problem(handle))
        self.config = _text(library().wf_plan_config(handle))
        self.flops = library().wf_plan_flops(handle)
        self.workspace_size = library().wf_workspace_size(handle)
        self.buffers = tuple(self._buffer(i) for i in range(library().wf_plan_buffer_count(handle)))
        self._fits = {buffer.name: Fit(buffer) for buffer in self.buffers}

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

    def launch(self, *tensors, stream=None, workspace=None, **named):
        """Enqueues the plan's kernels and returns.

        tensors: one per buffer, in order or all by name (launch(q=q, k=k, v=v, o=o)): torch tensors; on the
        emulator also NumPy arrays (or whatever else has __array_interface__; bf16 as ml_dtypes.bfloat16, or as
        uint16, the bits); or addresses, of which nothing can be checked. A tensor must have the buffer's type,
        shape and strides; dimensions of extent 1 may be missing and have any stride. The buffer's dimensions in
        the order in which they lie in memory will do, too: a plan with layout=bshd, whose buffers are [batch,
        heads, length, dim], takes contiguous tensors [batch, length, heads, dim]. ValueError names both sides.
        stream: an address or a torch stream; None: torch's current stream where a tensor was given, else the
        legacy default stream.
        workspace: device memory of workspace_size bytes, one piece per launch in flight. None: torch allocates
        it where the stream is torch's; else it is the plan's own, and such launches of one plan must run one
        after another (see wf_launch).
        On the emulator all memory is the CPU's, the kernels have run when the call returns (only then a Ctrl-C
        shows), and what they did wrong is raised.
        """
        if tensors and named:
            raise TypeError("a launch takes its tensors by position or by name, not both")
        given = [memory_of(tensor) for tensor in tensors or named.values()]
        for memory, name in zip(given, named or self._fits):
            if name in self._fits:  # the library refuses others
                self._fits[name].check(memory, self._device)
        device = self._device if any(memory.device for memory in given) else None
        if device is not None and stream is None and not self._emulated:
            import torch
            stream = torch.cuda.current_stream(device)
        if workspace is None and self.workspace_size and hasattr(stream, "cuda_stream"):
            workspace = _allocate(self.workspace_size, stream)
        pointers = (ctypes.c_void_p * len(given))(*(memory.address for memory in given))
        names = (ctypes.c_char_p * len(named))(*map(_bytes, named)) if named else None
        arguments = LaunchStruct(buffers=pointers, buffer_names=names, buffer_count=len(given),
                                 stream=getattr(stream, "cuda_stream", stream),
                                 workspace=memory_of(workspace).address,
                                 workspace_size=getattr(workspace, "nbytes", self.workspace_size))
        check(library().wf_launch(self._handle, ctypes.byref(arguments)))


def _allocate(size, stream):
    import torch
    with torch.cuda.stream(stream):  # so that it is used again only behind these kernels
        return torch.empty(size, dtype=torch.uint8, device=stream.device)


class Engine:
    """A device ("cuda:0", "emulator:sm_90a") and a database: a file; None: the user's own; "": none."""

    def __init__(self, device="cuda:0", database=None):
        handle = ctypes.c_void_p()
        check(library().wf_engine_open(_bytes(device), _bytes(database), ctypes.byref(handle)))
        self._handle = handle
        self.device = device
        self._close = weakref.finalize(self, library().wf_engine_close, handle)
        self.tuned = 0  # tuning runs that did not fail; who keeps plans plans anew when it grows

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
        run = TuningRun(self._handle, _bytes(problem), _bytes(budget), seed, _watcher(progress))
        try:
            run.wait()
        finally:  # one that an exception stopped has found something, too
            self.tuned += run.ran


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

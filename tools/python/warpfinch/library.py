"""Finds and loads libwarpfinch.so, and declares its C functions."""

import ctypes
import functools
import importlib.util
import os
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path

NAME = "libwarpfinch.so.1"
INTERFACE = "0.2"  # what stands below is that of versions 0.2.x
OK = 0


class WarpfinchError(RuntimeError):
    """What the library refused, in its words. status: 1 the machine lacks something, 2 the input is wrong."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class SizedStruct(ctypes.Structure):
    """Begins with struct_size, which is set."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


class BufferStruct(SizedStruct):
    """wf_buffer."""

    _fields_ = [("struct_size", c_size_t), ("name", c_char_p), ("dtype", c_char_p),
                ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)), ("bytes", c_int64), ("rank", c_int),
                ("alignment", c_int), ("is_output", c_int), ("reserved", c_int)]


class LaunchStruct(SizedStruct):
    """wf_launch_args."""

    _fields_ = [("struct_size", c_size_t), ("buffers", POINTER(c_void_p)),
                ("buffer_names", POINTER(c_char_p)), ("buffer_count", c_size_t),
                ("size_names", POINTER(c_char_p)), ("size_values", POINTER(c_int64)), ("size_count", c_size_t),
                ("stream", c_void_p), ("workspace", c_void_p), ("workspace_size", c_size_t),
                ("flags", c_uint64)]


class ProgressStruct(ctypes.Structure):
    """wf_progress."""

    _fields_ = [("struct_size", c_size_t), ("problem", c_char_p), ("done", c_int), ("rejected", c_int),
                ("config", c_char_p), ("microseconds", c_double), ("rejection", c_char_p),
                ("best_config", c_char_p), ("best_microseconds", c_double)]


ProgressCallback = CFUNCTYPE(c_int, POINTER(ProgressStruct), c_void_p)


class TuneStruct(SizedStruct):
    """wf_tune_args."""

    _fields_ = [("struct_size", c_size_t), ("problem", c_char_p), ("budget", c_char_p), ("seed", c_uint64),
                ("progress", ProgressCallback), ("user_data", c_void_p), ("flags", c_uint64)]


# The structs of the C header; a test compares their sizes.
STRUCTS = {"wf_buffer": BufferStruct, "wf_launch_args": LaunchStruct, "wf_progress": ProgressStruct,
           "wf_tune_args": TuneStruct}

# Function: what it returns, what it takes.
SIGNATURES = {
    "wf_version": (c_char_p, []),
    "wf_last_error": (c_char_p, []),
    "wf_engine_open": (c_int, [c_char_p, c_char_p, POINTER(c_void_p)]),
    "wf_engine_close": (None, [c_void_p]),
    "wf_plan": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "wf_generate": (c_int, [c_char_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "wf_plan_close": (None, [c_void_p]),
    "wf_plan_problem": (c_char_p, [c_void_p]),
    "wf_plan_config": (c_char_p, [c_void_p]),
    "wf_plan_flops": (c_double, [c_void_p]),
    "wf_plan_buffer_count": (c_size_t, [c_void_p]),
    "wf_plan_buffer": (c_int, [c_void_p, c_size_t, POINTER(BufferStruct)]),
    "wf_plan_kernel_count": (c_size_t, [c_void_p]),
    "wf_plan_cuda": (c_char_p, [c_void_p, c_size_t]),
    "wf_workspace_size": (c_size_t, [c_void_p]),
    "wf_launch": (c_int, [c_void_p, POINTER(LaunchStruct)]),
    "wf_tune": (c_int, [c_void_p, POINTER(TuneStruct)]),
    "wf_stop_tuning": (c_int, [c_void_p]),
}


def candidates():
    """Where the library may lie, best first."""
    if os.environ.get("WARPFINCH_LIBRARY"):
        return [os.environ["WARPFINCH_LIBRARY"]]  # who names one wants that one
    here = Path(__file__).resolve().parent
    places = [here, here / "../../../build/lib"]
    for lib in ("lib", "lib64"):  # of <prefix>/share/warpfinch/python/warpfinch
        installed = here / "../../../.." / lib
        places += [installed, *sorted(installed.glob("*-linux-gnu"))]
    return [os.path.normpath(place / NAME) for place in places if (place / NAME).exists()] + [NAME]


def nvrtc_folders():
    """Where pip's wheels keep NVRTC for this Python: no dynamic linker looks there."""
    nvidia = importlib.util.find_spec("nvidia")
    roots = nvidia.submodule_search_locations if nvidia else None
    folders = [Path(root, wheel, "lib") for root in roots or [] for wheel in ("cu13", "cuda_nvrtc")]
    return [str(folder) for folder in folders if folder.is_dir()]


@functools.cache
def library():
    """The loaded library."""
    # For the library, and for the worker processes that it starts.
    folders = [os.environ.get("WARPFINCH_NVRTC_PATH"), *nvrtc_folders()]
    os.environ["WARPFINCH_NVRTC_PATH"] = ":".join(filter(None, folders))
    errors = []
    for candidate in candidates():
        try:
            loaded = ctypes.CDLL(candidate)
            break
        except OSError as error:
            errors.append(str(error))
    else:
        raise WarpfinchError(1, "libwarpfinch was not found; build it, or let WARPFINCH_LIBRARY name it "
                             f"({'; '.join(errors)})")
    loaded.wf_version.restype = c_char_p
    version_found = loaded.wf_version().decode()
    if not version_found.startswith(INTERFACE + "."):
        raise WarpfinchError(2, f"{candidate} is version {version_found}, this package is for {INTERFACE}")
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


def check(status):
    """Raises what a call that returned `status` left as its error."""
    if status != OK:
        raise WarpfinchError(status, library().wf_last_error().decode(errors="replace"))


def version():
    """The library's version, "0.2.0"."""
    return library().wf_version().decode()

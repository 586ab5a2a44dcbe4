"""A run of wf_tune on a thread of its own: Python answers a signal only between its own instructions, and the
caller's thread would be inside the library for all of the budget."""

import ctypes
import queue
import threading

from .library import ProgressCallback, TuneStruct, check, library

_ENDED = object()
_SECONDS_BETWEEN_STOPS = 0.05


class TuningRun:
    """watch(ProgressStruct) returns whether the run shall end; it is called on the thread that waits."""

    def __init__(self, handle, problem, budget, seed, watch):
        self._handle, self._watch = handle, watch
        self.ran = False  # to its end or until it was stopped; False: it has not, or failed
        self._reports = queue.SimpleQueue()  # to the waiting thread: a progress, at the end _ENDED
        self._answers = queue.SimpleQueue()  # back: 1 ends the run
        self._error = None
        callback = ProgressCallback(self._report) if watch else ProgressCallback()
        arguments = TuneStruct(problem=problem, budget=budget, seed=seed, progress=callback)
        self._thread = threading.Thread(target=self._tune, args=(arguments,), daemon=True)

    def wait(self):
        """Runs it to its end; an exception on the way stops it first."""
        try:
            self._thread.start()
            while (report := self._reports.get()) is not _ENDED:
                self._answers.put(int(self._watch(report)))
        except BaseException:
            self._stop()
            raise
        if self._error:
            raise self._error

    def _tune(self, arguments):
        try:  # the error's text belongs to this thread
            check(library().wf_tune(self._handle, ctypes.byref(arguments)))
            self.ran = True
        except Exception as error:
            self._error = error
        finally:
            self._reports.put(_ENDED)

    def _report(self, raw, _user_data):
        self._reports.put(raw.contents)  # lives until the answer is there
        return self._answers.get()

    def _stop(self):
        # Again and again: the thread may not have come to wf_tune yet.
        while self._thread.is_alive():
            self._answers.put(1)
            check(library().wf_stop_tuning(self._handle))
            self._thread.join(_SECONDS_BETWEEN_STOPS)

"""What Plan.launch takes on the emulator: shape, layout, type and place of arrays are looked at, not only how
much memory there is. No PyTorch, and no NumPy: whatever has its array interface will do."""

import ctypes
import importlib.util
import math
import unittest

import warpfinch
from warpfinch.memory import place_of


class Array:
    """Memory with NumPy's array interface. strides: in bytes; None: C order."""

    def __init__(self, shape, typestr, strides=None, read_only=False):
        self._memory = ctypes.create_string_buffer(math.prod(shape) * int(typestr[2:]) + 256)
        self.address = ctypes.addressof(self._memory) + -ctypes.addressof(self._memory) % 256
        self.__array_interface__ = {"shape": shape, "typestr": typestr, "data": (self.address, read_only),
                                    "strides": strides, "version": 3}

    def elements(self, kind):
        shape = self.__array_interface__["shape"]
        return (kind * math.prod(shape)).from_address(self.address)


def plan_of(problem):
    return warpfinch.plan(problem, device="emulator:sm_90a", database="")


class Places(unittest.TestCase):
    def test_what_a_device_is_opened_with_says_nothing_about_its_memory(self):
        self.assertEqual(place_of("cuda:1"), "cuda:1")
        self.assertEqual(place_of("cuda:1,target=sm_90"), "cuda:1")
        self.assertEqual(place_of("emulator:sm_80,seed=7"), "cpu")


class Fits(unittest.TestCase):
    """Of q [batch, heads, length, dim] = [1, 4, 64, 64] in bshd; k, v and o are right."""

    @classmethod
    def setUpClass(cls):
        cls.plan = plan_of("attention_forward q_heads=4 q_len=64 head_dim=64 dtype=fp16 layout=bshd")

    def launch(self, *q, **options):
        k, v, o = (Array((1, 64, 4, 64), "<f2") for _ in range(3))
        self.plan.launch(Array(*q, **options), k, v, o)

    def refused(self, pattern, *q, **options):
        with self.assertRaisesRegex(ValueError, pattern):
            self.launch(*q, **options)

    def test_the_buffers_shape_and_strides_fit(self):
        self.launch((1, 4, 64, 64), "<f2", (32768, 128, 512, 2))

    def test_its_dimensions_in_the_order_of_memory_fit(self):
        self.launch((1, 64, 4, 64), "<f2")

    def test_a_dimension_of_one_element_may_be_missing_and_have_any_stride(self):
        self.launch((64, 4, 64), "<f2")
        self.launch((1, 4, 64, 64), "<f2", (6, 128, 512, 2))

    def test_the_other_layout_is_refused_with_both_sides(self):
        self.refused(r"buffer 'q' is \[1, 4, 64, 64\] with strides \[16384, 64, 256, 1\], which lies in memory "
                     r"as \[1, 64, 4, 64\] with strides \[16384, 256, 64, 1\]; the tensor is "
                     r"\[1, 4, 64, 64\] with strides \[16384, 4096, 64, 1\]", (1, 4, 64, 64), "<f2")

    def test_other_shapes_are_refused(self):
        for shape in ((8, 64, 64), (1, 64, 4, 128), (16384,), (2, 64, 4, 64), (1, 64, 4, 32)):
            self.refused("the tensor is", shape, "<f2")

    def test_other_strides_are_refused(self):
        for length, head, dim in ((512, 128, 4), (1024, 128, 2), (512, 128, -2), (512, 128, 1)):
            self.refused("with strides", (1, 64, 4, 64), "<f2", (32768, length, head, dim))

    def test_other_types_are_refused(self):
        for typestr in ("<f4", ">f2", "<u2", "<i2", "|u1"):
            self.refused("buffer 'q' is fp16, the tensor is ", (1, 64, 4, 64), typestr)

    def test_other_counts_are_refused(self):
        q = Array((1, 64, 4, 64), "<f2")
        with self.assertRaisesRegex(warpfinch.WarpfinchError, "3 pointers given, the plan takes 4: q, k, v, o"):
            self.plan.launch(q, q, q)

    def test_by_name(self):
        q, k, v, o = (Array((1, 64, 4, 64), "<f2") for _ in range(4))
        self.plan.launch(o=o, v=v, k=k, q=q)
        with self.assertRaisesRegex(ValueError, "buffer 'v' is fp16, the tensor is fp32"):
            self.plan.launch(o=o, v=Array((1, 64, 4, 64), "<f4"), k=k, q=q)
        with self.assertRaisesRegex(warpfinch.WarpfinchError, "no buffer 'w', the plan takes: q, k, v, o"):
            self.plan.launch(o=o, w=v, k=k, q=q)
        with self.assertRaisesRegex(TypeError, "by position or by name"):
            self.plan.launch(q, k, v, o=o)

    def test_a_result_is_not_written_into_what_is_read_only(self):
        q = Array((1, 64, 4, 64), "<f2", read_only=True)
        with self.assertRaisesRegex(ValueError, "buffer 'o' is written, the array is read-only"):
            self.plan.launch(q, q, q, q)

    def test_what_is_no_memory_is_refused(self):
        for thing in ([1.0], "q", 1.5):
            with self.assertRaisesRegex(TypeError, type(thing).__name__):
                self.plan.launch(thing, 16, 16, 16)


class Results(unittest.TestCase):
    def test_arrays_are_read_and_written_in_place(self):
        x, y = Array((5, 16), "<f4"), Array((1, 5, 16), "<f4")
        x.elements(ctypes.c_float)[:] = [i * 7 % 5 for i in range(80)]
        plan_of("softmax rows=5 columns=16 dtype=fp32").launch(x, y)
        terms = [math.exp(value) for value in x.elements(ctypes.c_float)[:16]]
        for value, term in zip(y.elements(ctypes.c_float), terms):
            self.assertAlmostEqual(value, term / sum(terms), places=5)

    def test_bf16_are_bits(self):
        for typestr in ("<u2", "<V2"):  # without ml_dtypes, and with it
            x, y = Array((5, 16), typestr), Array((5, 16), typestr)
            plan_of("softmax rows=5 columns=16 dtype=bf16").launch(x, y)
            self.assertEqual(set(y.elements(ctypes.c_uint16)), {0x3d80})  # 1/16

    @unittest.skipUnless(importlib.util.find_spec("numpy"), "SKIPPED: NumPy cannot be imported here")
    def test_numpy(self):
        import numpy as np
        x = np.arange(80, dtype=np.float32).reshape(5, 16) % 7
        y = np.zeros_like(x)
        plan = plan_of("softmax rows=5 columns=16 dtype=fp32")
        plan.launch(x, y)
        np.testing.assert_allclose(y, np.exp(x) / np.exp(x).sum(1, keepdims=True), rtol=1e-5)
        with self.assertRaisesRegex(ValueError, r"strides \[1, 5\]"):
            plan.launch(np.zeros((16, 5), np.float32).T, y)


if __name__ == "__main__":
    unittest.main()

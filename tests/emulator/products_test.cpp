// wgmma against sums in double: every swizzle, both majors of both factors, factors in registers; mma.sync
// and ldmatrix; and what is wrong to do while products are in flight.
#include <random>

#include "runtime/workload.hpp"
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

// d[64, n] = a[64, 16 ks] b[16 ks, n]; buffers: a (bf16 pairs along k), b (the same, [n, k]), d (fp32).
// The shared factors are written by st_shared at the places that the canonical layouts name.
struct Layout {
  int swizzle;
  bool mn_major;
};

// Element (row, k) of a factor whose k runs along the bytes, or with mn_major the other way; panels of
// `swizzle` bytes (16 without one), each `rows` long.
std::string place_function(const Layout& layout, int rows, int k, const std::string& name) {
  const int span = layout.swizzle ? layout.swizzle : 16;
  // Outer: the dimension that counts lines; inner: along the bytes.
  const int lines = layout.mn_major ? k : rows;
  std::string text = fmt::format("  const auto {} = [&](u32 base, int row, int k) {{\n", name);
  text += layout.mn_major ? "    const int line = k, byte = row * 2;\n"
                          : "    const int line = row, byte = k * 2;\n";
  text += fmt::format("    const u32 linear = base + byte / {} * {} + line * {} + byte % {};\n", span,
                      lines * span, span, span);
  text += layout.swizzle ? fmt::format("    return linear ^ ((linear >> 3) & {});\n  }};\n", span - 16)
                         : std::string("    return linear;\n  };\n");
  return text;
}

// Descriptor of the factor's k step.
std::string descriptor_text(const Layout& layout, int rows, int k, const std::string& base,
                            const std::string& step) {
  const int span = layout.swizzle ? layout.swizzle : 16, code = layout.swizzle == 128  ? 1
                                                                : layout.swizzle == 64 ? 2
                                                                : layout.swizzle == 32 ? 3
                                                                                       : 0;
  const int panel = (layout.mn_major ? k : rows) * span;
  std::string start;
  int leading, stride;
  if (layout.mn_major) {
    start = fmt::format("{} + {} * {}", base, step, 16 * span);
    leading = layout.swizzle ? panel : 8 * span;  // no swizzle: from 8 k to the next
    stride = layout.swizzle ? 8 * span : panel;
  } else {
    start = fmt::format("{} + {} * 32 / {} * {} + {} * 32 % {}", base, step, span, panel, step, span);
    leading = panel;  // without a swizzle: from 8 k to the next 8
    stride = 8 * span;
  }
  return fmt::format("(static_cast<u64>((({}) & 0x3ffff) >> 4) | {}ull << 16 | {}ull << 32 | {}ull << 62)",
                     start, leading / 16, stride / 16, code);
}

std::string product_body(const Layout& a, const Layout& b, int n, int k, bool a_in_registers) {
  std::string body = fmt::format("  constexpr int N = {}, K = {};\n  const int i = thread_index();\n", n, k);
  body += "  const u32 a_at = shared_base(), b_at = shared_base() + 32768;\n";
  body += place_function(a, 64, k, "a_place") + place_function(b, n, k, "b_place");
  body +=
      "  for (int e = i; e < 64 * K; e += 128)\n"
      "    st_shared(a_place(a_at, e / K, e % K), ld_global(reinterpret_cast<u16*>(a) + e));\n"
      "  for (int e = i; e < N * K; e += 128)\n"
      "    st_shared(b_place(b_at, e / K, e % K), ld_global(reinterpret_cast<u16*>(b) + e));\n"
      "  proxy_fence();\n  block_sync();\n"
      "  element<float> d[N / 2];\n  element<u32> fragment[K / 4];\n"
      "  for (int e = 0; e < K / 4; ++e) {\n"
      "    const int row = i / 32 * 16 + i % 32 / 4 + e % 2 * 8, column = e / 4 * 16 + e % 4 / 2 * 8 + i % 4 "
      "* 2;\n"
      "    fragment[e] = ld_global(a + (row * K + column) / 2);\n  }\n"
      "  wgmma_fence();\n"
      "  for (int step = 0; step < K / 16; ++step) {\n"
      "    emulated::ProductCall call;\n    call.columns = N;\n    call.accumulate = step > 0;\n    call.d = "
      "d;\n";
  if (a_in_registers)
    body += "    call.a = fragment + 4 * step;\n";
  else
    body += fmt::format("    call.a_descriptor = {};\n    call.a_transposed = {};\n",
                        descriptor_text(a, 64, k, "a_at", "step"), a.mn_major);
  body += fmt::format("    call.b_descriptor = {};\n    call.b_transposed = {};\n",
                      descriptor_text(b, n, k, "b_at", "step"), b.mn_major);
  body +=
      "    leaves->product(*self, call);\n  }\n"
      "  wgmma_commit();\n  wgmma_wait<0>();\n"
      "  for (int e = 0; e < N / 2; ++e) {\n    pin(d[e]);\n"
      "    const int row = i / 32 * 16 + i % 32 / 4 + e / 2 % 2 * 8, column = e / 4 * 8 + i % 4 * 2 + e % "
      "2;\n"
      "    st_global(reinterpret_cast<float*>(c) + row * N + column, static_cast<float>(d[e]));\n  }\n";
  return body;
}

Words random_factor(int rows, int k, uint64_t seed) {
  std::mt19937_64 dice(seed);
  std::normal_distribution<float> normal;
  Words words(static_cast<size_t>(rows * k / 2));
  for (uint32_t& word : words)
    word = to_bf16(normal(dice)) | static_cast<uint32_t>(to_bf16(normal(dice))) << 16;
  return words;
}
double element_of(const Words& words, int place) {
  return from_bf16(static_cast<uint16_t>(words[static_cast<size_t>(place / 2)] >> (place % 2 * 16)));
}

void expect_product(const Layout& la, const Layout& lb, int n, int k, bool a_in_registers) {
  SCOPED_TRACE(fmt::format("a {} {}, b {} {}, n {}, k {}, registers {}", la.swizzle, la.mn_major, lb.swizzle,
                           lb.mn_major, n, k, a_in_registers));
  Words a = random_factor(64, k, 1), b = random_factor(n, k, 2), c(static_cast<size_t>(64 * n));
  const Report report =
      run_by_hand({.body = product_body(la, lb, n, k, a_in_registers), .threads = 128, .shared_bytes = 98304},
                  {&a, &b, &c});
  ASSERT_TRUE(report.clean()) << text_of(report);
  EXPECT_EQ(report.products, k / 16);
  for (int row = 0; row < 64; ++row)
    for (int column = 0; column < n; ++column) {
      double sum = 0;
      for (int i = 0; i < k; ++i) sum += element_of(a, row * k + i) * element_of(b, column * k + i);
      ASSERT_NEAR(std::bit_cast<float>(c[static_cast<size_t>(row * n + column)]), sum, 1e-4)
          << row << ", " << column;
    }
}

TEST(EmulatedProduct, reads_every_canonical_layout) {
  for (int swizzle : {0, 32, 64, 128})
    for (bool mn_major : {false, true}) {
      expect_product({swizzle, mn_major}, {128, false}, 64, 64, false);
      expect_product({64, false}, {swizzle, mn_major}, 64, 64, false);
    }
}

TEST(EmulatedProduct, takes_every_width_and_registers) {
  for (int n : {8, 24, 80, 176, 256}) expect_product({128, false}, {32, false}, n, 64, true);
  expect_product({128, false}, {128, true}, 128, 128, true);
}

// --- what is wrong -------------------------------------------------------------------------------
// A product over two tiles of the templates, whose parts a test may leave out.
const std::string kTiles =
    "  const SharedTile<bf16, 64, 64, 128> a_tile{shared_base()}, b_tile{shared_base() + 8192};\n"
    "  const int i = thread_index();\n"
    "  for (int e = i; e < 4096; e += 128) st_shared(a_tile.address + 4 * e, 0u);\n"
    "  proxy_fence();\n  block_sync();\n"
    "  RegisterTile<float, 64, 64> d;\n  PackedTile<bf16, 64, 64> p;\n  fill(d, 0.0f);\n"
    "  for (int e = 0; e < p.kCount; ++e) p.value[e] = 0u;\n";

std::string kinds(const std::string& body) {
  Words a(128);
  return kinds_of(run_by_hand({.body = kTiles + body, .threads = 128, .shared_bytes = 16384}, {&a}));
}
const std::string kMma = "  mma<true>(d, a_tile, transposed(b_tile));\n", kCommit = "  commit_mma();\n",
                  kFence = "  fence_mma(d, p);\n", kWait = "  wait_mma<0>(d, p);\n",
                  kUse = "  fill(d, 1.0f);\n", kRead = "  st_global(a + i, static_cast<u32>(at(d, 0)));\n";

TEST(EmulatedProduct, wants_fence_commit_and_wait) {
  EXPECT_EQ(kinds(kFence + kMma + kCommit + kWait + kRead), "");
  EXPECT_EQ(kinds(kMma + kCommit + kWait + kRead), "missing wgmma.fence");
  EXPECT_EQ(kinds(kFence + kUse + kMma + kCommit + kWait + kRead), "missing wgmma.fence");
  EXPECT_EQ(kinds(kFence + kMma + kCommit + kRead + kWait), "register in flight");
  EXPECT_EQ(kinds(kFence + kMma + kCommit + kUse + kWait), "register in flight");
  EXPECT_EQ(kinds(kFence + kMma + kCommit + "  wait_mma<1>(d);\n" + kRead + kWait), "register in flight");
  EXPECT_EQ(kinds(kFence + kMma + kCommit + "  wait_mma<0>();\n" + kRead), "register in flight");
  EXPECT_EQ(kinds(kFence + kMma + kCommit), "ends in flight");
  EXPECT_EQ(kinds(kFence + kMma), "ends in flight");
}

TEST(EmulatedProduct, first_factors_in_registers_stay_until_read) {
  const std::string product = "  mma<true>(d, p, b_tile);\n", write = "  p.value[0] = 1u;\n";
  EXPECT_EQ(kinds(kFence + product + kCommit + kWait + write), "");
  EXPECT_EQ(kinds(kFence + product + kCommit + write + kWait), "register in flight");
  EXPECT_EQ(kinds(kFence + write + product + kCommit + kWait), "missing wgmma.fence");
}

TEST(EmulatedProduct, shared_factors_stay_until_read) {
  const std::string write = "  if (i == 0) st_shared(a_tile.address, 1u);\n";
  EXPECT_EQ(kinds(kFence + kMma + kCommit + write + kWait), "data race");
  // Warp 0 waited for its own share; others may still read theirs of b.
  EXPECT_EQ(kinds(kFence + kMma + kCommit + kWait + "  if (i == 0) st_shared(b_tile.address, 1u);\n"),
            "data race");
  EXPECT_EQ(kinds(kFence + kMma + kCommit + kWait + "  block_sync();\n" + write), "");
}

TEST(EmulatedProduct, whole_warpgroups_issue_the_same) {
  EXPECT_EQ(kinds(kFence +
                  "  if (i < 96) {\n    mma<true>(d, a_tile, transposed(b_tile));\n    commit_mma();\n  }\n" +
                  kWait),
            "wgmma differs between warps");
  EXPECT_EQ(kinds(kFence + "  if (i != 5) {\n    mma<true>(d, a_tile, transposed(b_tile));\n  }\n" + kCommit +
                  kWait),
            "divergent warp-synchronous instruction");
}

TEST(EmulatedProduct, whole_warpgroups_agree_on_every_part_of_the_instruction) {
  const auto with_part = [&](const std::string& part) {
    return kinds(kFence +
                 "  emulated::ProductCall call{64};\n  call.accumulate = true;\n  call.d = d.value;\n"
                 "  call.a = p.value;\n  call.b_descriptor = descriptor(b_tile.address, 16, 1024, 128);\n  " +
                 part + "\n  leaves->product(*self, call);\n" + kCommit + kWait);
  };
  EXPECT_EQ(with_part(""), "");
  for (const char* part : {"negate_a", "negate_b", "a_transposed", "b_transposed"})
    EXPECT_EQ(with_part(fmt::format("call.{} = i >= 96;", part)), "wgmma differs between warps") << part;
  EXPECT_EQ(with_part("if (i >= 96) call.type = emulated::ValueType::fp16;"), "wgmma differs between warps");
}

TEST(EmulatedProduct, writer_and_reader_swizzle_alike) {
  Words tensor(64 * 32), b(8);
  const std::string body =
      "  const u32 bar = shared_base() + 16384;\n  const int i = thread_index();\n"
      "  if (i == 0) {\n    mbarrier_init(bar, 1);\n    mbarrier_init_fence();\n"
      "    mbarrier_arrive_expect(bar, 8192);\n"
      "    tma_load(shared_base(), map0, bar, 0, 0);\n  }\n  block_sync();\n  mbarrier_wait(bar, 0);\n"
      "  RegisterTile<float, 64, 64> d;\n"
      "  fence_mma();\n  mma<false>(d, SharedTile<bf16, 64, 64, 128>{shared_base()},\n"
      "    transposed(SharedTile<bf16, 64, 64, 128>{shared_base()}));\n  commit_mma();\n  wait_mma<0>(d);\n";
  const auto kinds_with = [&](int swizzle) {
    const TensorMap map{DataType::bf16, {64, 64}, {128}, {64, 64}, swizzle};
    const Report report =
        run_by_hand({.body = body, .threads = 128, .shared_bytes = 16384 + 8, .maps = {map}}, {&tensor, &b});
    EXPECT_EQ(text_of(report).find("not ordered"), std::string::npos) << text_of(report);
    return kinds_of(report);
  };
  EXPECT_EQ(kinds_with(128), "");
  EXPECT_EQ(kinds_with(0), "swizzle mismatch");
}

// --- mma.sync ------------------------------------------------------------------------------------
TEST(EmulatedSmallProduct, with_fragments_from_ldmatrix) {
  Words a = random_factor(16, 16, 3), b = random_factor(8, 16, 4), c(128);
  const Report report = run_by_hand(
      {.body =
           "  const int i = thread_index();\n  const u32 a_at = shared_base(), b_at = a_at + 512;\n"
           "  for (int e = i; e < 128; e += 32) st_shared(a_at + 4 * e, ld_global(a + e));\n"
           "  for (int e = i; e < 64; e += 32) st_shared(b_at + 4 * e, ld_global(b + e));\n  warp_sync();\n"
           "  u32 x[4], y[2];\n  float d[4] = {0, 0, 0, 0};\n"
           "  leaves->load_matrix(*self, a_at + (i % 16) * 32 + i / 16 * 16, x, 4, false);\n"
           "  leaves->load_matrix(*self, b_at + (i % 8) * 32 + i / 8 % 2 * 16, y, 2, false);\n"
           "  emulated::SmallProductCall call{emulated::ValueType::bf16, d, x, y};\n"
           "  leaves->small_product(*self, call);\n"
           "  for (int e = 0; e < 4; ++e)\n"
           "    st_global(reinterpret_cast<float*>(c) + (i / 4 + e / 2 * 8) * 8 + i % 4 * 2 + e % 2, "
           "d[e]);\n"},
      {&a, &b, &c});
  EXPECT_TRUE(report.clean()) << text_of(report);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      double sum = 0;
      for (int k = 0; k < 16; ++k) sum += element_of(a, row * 16 + k) * element_of(b, column * 16 + k);
      EXPECT_NEAR(std::bit_cast<float>(c[static_cast<size_t>(row * 8 + column)]), sum, 1e-5);
    }
}

// What warps store for a product is in the generic proxy; wgmma reads through the async one.
TEST(EmulatedProduct, stored_factors_need_a_proxy_fence) {
  Plan plan = plan_for("attention_forward q_len=100 kv_len=300 head_dim=64",
                       "consumer_warpgroups=2 key_tile=64 p_in=shared");
  for (Header& header : plan.launches[0].source.headers) {
    const std::string fence = "proxy_fence();";
    const size_t at = header.text.find(fence);
    if (header.name == "join.cuh") header.text.erase(at, fence.size());
  }
  std::vector<HostTensor> tensors = workload(plan.buffers, 7);
  const Report report = run_plan(kernels_of(plan), plan, tensors, {});
  ASSERT_FALSE(report.clean());
  EXPECT_EQ(report.hazards[0].kind, "missing proxy fence");
}

TEST(EmulatedMatrices, stmatrix_undoes_ldmatrix_also_transposed) {
  Words a = counting(128), b(128);
  for (const char* flags : {"false", "true"}) {
    const Report report = run_by_hand(
        {.body = fmt::format(
             "  const int i = thread_index();\n  const u32 at = shared_base() + 16 * i;\n"
             "  for (int e = 0; e < 4; ++e) st_shared(at + 4 * e, ld_global(a + 4 * i + e));\n"
             "  warp_sync();\n  u32 x[4];\n  leaves->load_matrix(*self, at, x, 4, {0});\n  warp_sync();\n"
             "  leaves->store_matrix(*self, at, x, 4, {0});\n  warp_sync();\n"
             "  for (int e = 0; e < 4; ++e) st_global(b + 4 * i + e, ld_shared(at + 4 * e));\n",
             flags)},
        {&a, &b});
    EXPECT_TRUE(report.clean()) << text_of(report);
    EXPECT_EQ(a, b);
  }
}

}  // namespace
}  // namespace warpfinch::emulator

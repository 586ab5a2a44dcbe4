// The stand-ins keep up with the templates, and compute as the hardware documents.
#include <bit>
#include <cfenv>
#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "generator/emit/templates.hpp"
#include "runtime/emulator/device_files.hpp"
#include "runtime/emulator/kernel.hpp"
#include "runtime/workload.hpp"
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

std::set<std::string> leaves_in(std::string_view text) {
  static const std::regex kLeaf(R"(WF_DEVICE [\w:<>&* ]*?(\w+)\()");
  std::set<std::string> names;
  const std::string all(text);
  for (std::sregex_iterator it(all.begin(), all.end(), kLeaf), end; it != end; ++it) names.insert((*it)[1]);
  return names;
}

TEST(StandIns, have_every_leaf_of_the_templates) {
  size_t leaves = 0;
  for (const auto& [header, name] : {std::pair{"ptx.cuh", "ptx.cuh"},
                                     {"sm80/ptx.cuh", "sm80_ptx.cuh"},
                                     {"sm90/ptx.cuh", "sm90_ptx.cuh"}}) {
    const std::set<std::string> emulated = leaves_in(device_text(name));
    for (const std::string& leaf : leaves_in(template_text(header))) {
      EXPECT_TRUE(emulated.contains(leaf)) << leaf << " has no stand-in in runtime/emulator/device/" << name;
      ++leaves;
    }
  }
  EXPECT_GT(leaves, 60u);
}

// What the chips' headers do not share, kernels of every chip call by the same names.
TEST(StandIns, earlier_chips_have_no_leaf_of_their_own) {
  const std::set<std::string> hopper = leaves_in(template_text("sm90/ptx.cuh"));
  for (const std::string& leaf : leaves_in(template_text("sm80/ptx.cuh")))
    EXPECT_TRUE(hopper.contains(leaf)) << leaf;
}

TEST(StandIns, no_other_header_holds_instructions) {
  for (std::string_view name : template_names())
    if (!name.ends_with("ptx.cuh")) {
      EXPECT_EQ(template_text(name).find("asm"), std::string_view::npos) << name;
    }
}

TEST(StandIns, only_headers_with_instructions_are_replaced) {
  const Plan plan = plan_for("gemm m=64 n=64 k=64", "consumer_warpgroups=1 n_tile=64 k_tile=64 stages=2");
  const std::string text = host_text(plan.launches[0].source);
  EXPECT_EQ(text.find("asm volatile"), std::string::npos);
  for (const Header& header : plan.launches[0].source.headers) {
    if (header.name.ends_with("ptx.cuh") || header.name == "wgmma.cuh") continue;
    const size_t body = header.text.find("namespace warpfinch {");
    EXPECT_NE(text.find(header.text.substr(body)), std::string::npos) << header.name;
  }
}

TEST(HostText, marks_statements_and_keeps_line_numbers) {
  CudaSource source{"k", "sm_90a", "", {}, {}};
  source.kernel =
      "// head\nint free_function() {\n  return 1;\n}\n__global__ void k(int* a) {\n  const int x =\n"
      "      1;\n  for (;;) {\n    break;\n  }\n  if (x)\n    a[0] = 1;\n  else\n    a[0] = 2;  // a "
      "remark\n}\n";
  const std::string text = host_text(source);
  for (const char* marked : {"WF_LINE(6);   const int x =", "WF_LINE(8);   for (;;) {",
                             "WF_LINE(9);     break;", "WF_LINE(11);   if (x)"})
    EXPECT_NE(text.find(marked), std::string::npos) << marked << "\n" << text;
  for (const char* bare : {"\n      1;", "\n  }\n", "\n    a[0] = 1;", "\n  else\n", "\n  return 1;"})
    EXPECT_NE(text.find(bare), std::string::npos) << bare << "\n" << text;
}

// Runs an expression over all words of `a`, one result each.
Words mapped(const std::string& expression, Words a) {
  Words b(a.size());
  const Report report =
      run_by_hand({.body = fmt::format("  for (int i = thread_index(); i < {}; i += 32) {{\n"
                                       "    const u32 bits = ld_global(a + i);\n"
                                       "    const float x = __int_as_float(static_cast<int>(bits));\n"
                                       "    st_global(b + i, static_cast<u32>({}));\n  }}\n",
                                       a.size(), expression)},
                  {&a, &b});
  EXPECT_TRUE(report.clean()) << text_of(report);
  return b;
}

// Floats of every exponent, among them zeros, subnormals, infinities and NaNs.
Words many_floats() {
  Words words;
  for (uint32_t bits = 0; bits < 0xfff00000u; bits += 0x13579u) words.push_back(bits);
  for (uint32_t bits : {0x7f800000u, 0xff800000u, 0x7fc00000u, 0x80000000u, 0x477fefffu, 0x477ff000u,
                        0x33000000u, 0x33000001u, 0x38800000u, 0x387fffffu, 0x3f808000u, 0x3f818000u})
    words.push_back(bits);
  return words;
}

TEST(StandIns, round_to_16_bits_as_the_software_conversions_do) {
  const Words inputs = many_floats();
  const Words bf16 = mapped("pack(::warpfinch::bf16{}, x, 1.0f)", inputs);
  const Words fp16 = mapped("pack(::warpfinch::fp16{}, x, 1.0f)", inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const float x = std::bit_cast<float>(inputs[i]);
    if (std::isnan(x)) {
      EXPECT_EQ(bf16[i] & 0xffffu, 0x7fffu);
      EXPECT_EQ(fp16[i] & 0xffffu, 0x7fffu);
      continue;
    }
    ASSERT_EQ(bf16[i], 0x3f800000u | to_bf16(x)) << x;
    ASSERT_EQ(fp16[i], 0x3c000000u | to_fp16(x)) << x;
  }
}

TEST(StandIns, widen_16_bits_exactly) {
  Words inputs(65536);
  for (uint32_t i = 0; i < 65536; ++i) inputs[i] = i;
  const Words wide = mapped("__float_as_int(unpack(::warpfinch::fp16{}, static_cast<u16>(bits)))", inputs);
  for (uint32_t i = 0; i < 65536; ++i) {
    const float expected = from_fp16(static_cast<uint16_t>(i)), got = std::bit_cast<float>(wide[i]);
    ASSERT_TRUE(got == expected || (std::isnan(got) && std::isnan(expected))) << i;
  }
}

// FNV-1a over words, of ex2.approx of an H200 for all fractions of 23 bits, one for each 64th of [0, 1).
constexpr uint32_t kPowersOfFractions[64] = {
    0xc3a40215u, 0x3083180fu, 0xd43c1d7au, 0xd2b39564u, 0x01a12652u, 0x6473a232u, 0x36addd50u, 0xeb0b138cu,
    0xf8553b24u, 0xfbabfa2cu, 0x0ed6c1e8u, 0x434de64bu, 0x715e8e58u, 0x0a417f91u, 0xd3ae46dcu, 0xa0eead95u,
    0x9b40eb38u, 0x2d49ee37u, 0xe6ba0e62u, 0x21f38ac0u, 0xd6503e2fu, 0x3e0db541u, 0x654b1d7bu, 0xabc8a896u,
    0x7b35685cu, 0x356f354eu, 0x60b0d916u, 0xf49c6e3du, 0xb2a42ca4u, 0x74dfcd71u, 0x59dc1099u, 0xbd71a6a3u,
    0xad49bfe5u, 0xa13694a1u, 0x57ac9c73u, 0x49433194u, 0xc38d64dcu, 0x5f9fdc5fu, 0x9e61f445u, 0x99da7bd5u,
    0x0480c8b2u, 0x3d08a083u, 0xcd45a363u, 0x0859cbebu, 0xc771cba2u, 0x71731ef9u, 0xa9776c14u, 0x1c74fecfu,
    0x538575c4u, 0x84d2de10u, 0x1979b543u, 0x5d32e0d2u, 0x30f8d09au, 0x70a7a132u, 0xec33da3eu, 0x6cd63108u,
    0x28892abbu, 0x3da9e799u, 0xee27803fu, 0x23c08a92u, 0x6da3f0f8u, 0x238ab0fdu, 0xb9098d9eu, 0x144591dbu,
};

TEST(StandIns, powers_of_all_fractions_are_the_hardwares_to_the_bit) {
  Words firsts;
  for (uint32_t part = 0; part < 64; ++part) firsts.push_back(part << 17);
  const Words digests = mapped(
      "[&] {"
      "  u32 digest = 2166136261u;"
      "  for (u32 i = bits; i < bits + (1u << 17); ++i)"
      "    digest = (digest ^ static_cast<u32>(__float_as_int(ex2(i * 0x1p-23f)))) * 16777619u;"
      "  return digest;"
      "}()",
      firsts);
  for (size_t part = 0; part < 64; ++part) EXPECT_EQ(digests[part], kPowersOfFractions[part]) << part;
}

// The same of lg2.approx, one for each 64th of [1, 2).
constexpr uint32_t kLogarithmsOfFractions[64] = {
    0x3f79df26u, 0x927d48a1u, 0x35554706u, 0x5c3d94eeu, 0xb8950379u, 0x80e975e7u, 0x2c7a0dddu, 0xd802753cu,
    0x7d6aa3bbu, 0x2f2591d3u, 0xb4384a7au, 0x6584ad6bu, 0xe228ce48u, 0xd356a137u, 0x633c42d9u, 0x48ba469du,
    0x8bf5f7aau, 0x4c355f80u, 0x0ba339abu, 0x66d0bb99u, 0xd775c63fu, 0xa90d05a7u, 0xf058dc3bu, 0xd1754317u,
    0x014e6c60u, 0xab1a207au, 0x55e07af4u, 0x586ae25au, 0x9620c925u, 0x6fa13202u, 0x36c1ca1fu, 0x3f7030aau,
    0x42c64d26u, 0x9e10a229u, 0xba784f6cu, 0x15bcf0aau, 0x2a960274u, 0x9f88e31cu, 0xcda043f3u, 0xcfb73a29u,
    0xa8103e9bu, 0x37591198u, 0x5d16cdefu, 0xedc5fde7u, 0x8961aab3u, 0xf087f760u, 0x1e59b74cu, 0x53e0ed3au,
    0xf3d34cc8u, 0xa64192aeu, 0x3bad0f64u, 0x0cefa0e2u, 0xdc42961fu, 0x359250abu, 0x517d8816u, 0x95cccb95u,
    0x90058cf9u, 0xf0193814u, 0x5483299bu, 0x923543f8u, 0xe6cfcfc8u, 0x486bc5c5u, 0xedee14d1u, 0x6679cb25u,
};

TEST(StandIns, logarithms_of_all_fractions_are_the_hardwares_to_the_bit) {
  Words firsts;
  for (uint32_t part = 0; part < 64; ++part) firsts.push_back(0x3f800000u + (part << 17));
  const Words digests = mapped(
      "[&] {"
      "  u32 digest = 2166136261u;"
      "  for (u32 i = bits; i < bits + (1u << 17); ++i)"
      "    digest = (digest ^ static_cast<u32>(__float_as_int(lg2(__int_as_float(i))))) * 16777619u;"
      "  return digest;"
      "}()",
      firsts);
  for (size_t part = 0; part < 64; ++part) EXPECT_EQ(digests[part], kLogarithmsOfFractions[part]) << part;
}

TEST(StandIns, logarithms_below_one_are_the_hardwares) {
  // lg2.approx of an H200 of 1 - i / 2^24, for i below 2^20.
  const Words digest = mapped(
      "[&] {"
      "  u32 digest = 2166136261u;"
      "  for (int i = 0; i < 1 << 20; ++i)"
      "    digest = (digest ^ static_cast<u32>(__float_as_int(lg2(1.0f - i * 0x1p-24f)))) * 16777619u;"
      "  return digest;"
      "}()",
      {0});
  EXPECT_EQ(digest[0], 0x6f674ed1u);
}

// On an H200 those of 2^-1 to 2^-128 are not: the ones' complement of a sum that is a little too large.
TEST(StandIns, logarithms_of_powers_of_two_err_as_the_hardware_does) {
  Words inputs;
  for (int i = -149; i < 128; ++i) inputs.push_back(std::bit_cast<uint32_t>(std::ldexp(1.0f, i)));
  const Words logarithms = mapped("__float_as_int(lg2(x))", inputs);
  const auto of = [&](int i) { return std::bit_cast<float>(logarithms[static_cast<size_t>(i + 149)]); };
  for (int i = -149; i < -128; ++i) EXPECT_EQ(of(i), static_cast<float>(i));
  for (int i = 0; i < 128; ++i) EXPECT_EQ(of(i), static_cast<float>(i));
  EXPECT_EQ(of(-128), -0x1.fffffep+6f);
  EXPECT_EQ(of(-127), -0x1.fbfffep+6f);
  EXPECT_EQ(of(-126), -0x1.f7fffep+6f);
  EXPECT_EQ(of(-124), -0x1.effffep+6f);
}

TEST(StandIns, powers_of_whole_numbers_are_exact) {
  Words inputs;
  for (int i = -126; i < 128; ++i) inputs.push_back(std::bit_cast<uint32_t>(static_cast<float>(i)));
  const Words powers = mapped("__float_as_int(ex2(x))", inputs);
  for (int i = -126; i < 128; ++i)
    EXPECT_EQ(std::bit_cast<float>(powers[static_cast<size_t>(i + 126)]), std::ldexp(1.0f, i)) << i;
}

TEST(StandIns, powers_above_one_are_the_hardwares) {
  // ex2.approx of an H200.
  const std::map<float, uint32_t> measured{{-0x1p-24f, 0x3f800000u},
                                           {-0x1p-23f, 0x3f7ffffeu},
                                           {-0.25f, 0x3f5744fcu},
                                           {-1.0000001192092896f, 0x3efffffeu},
                                           {1.0147172212600708f, 0x40014ffcu},
                                           {1.1250001192092896f, 0x400b95c3u},
                                           {1.2980233430862427f, 0x401d5ee8u},
                                           {1.5f, 0x403504f3u},
                                           {1.6622737646102905f, 0x404a91d1u},
                                           {1.8344653844833374f, 0x40643fc6u},
                                           {1.9999275207519531f, 0x407ffcb6u}};
  Words inputs;
  for (const auto& [x, y] : measured) inputs.push_back(std::bit_cast<uint32_t>(x));
  const Words results = mapped("__float_as_int(ex2(x))", inputs);
  size_t i = 0;
  for (const auto& [x, y] : measured) EXPECT_EQ(results[i++], y) << x;
}

// Pairs of which one rounds up, down, or not at all, and sums of zeros.
TEST(StandIns, sums_are_rounded_down) {
  const float others[] = {12582912.0f, 1.0f, -1.0f, 1e-30f, -1e-30f, 0.0f, -0.0f};
  const Words inputs = many_floats();
  for (const float other : others) {
    const Words sums = mapped(
        fmt::format("__float_as_int(add_down(x, __int_as_float({})))", std::bit_cast<int>(other)), inputs);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const float x = std::bit_cast<float>(inputs[i]), sum = std::bit_cast<float>(sums[i]);
      if (std::isnan(x)) continue;
      const volatile float a = x, b = other;  // so that they are added here and now
      std::fesetround(FE_DOWNWARD);
      const volatile float expected = a + b;
      std::fesetround(FE_TONEAREST);
      ASSERT_EQ(std::bit_cast<uint32_t>(sum), std::bit_cast<uint32_t>(float{expected}))
          << x << " + " << other;
    }
  }
}

// PTX ISA: ex2.approx.ftz has a relative error of 2^-22, and flushes subnormals.
TEST(StandIns, exponentials_within_the_documented_bound) {
  const Words inputs = many_floats();
  const Words results = mapped("__float_as_int(ex2(x))", inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const float x = std::bit_cast<float>(inputs[i]), y = std::bit_cast<float>(results[i]);
    const double exact = std::exp2(static_cast<double>(x));
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(y));
    } else if (exact > 3.4028235e38) {
      EXPECT_EQ(y, std::numeric_limits<float>::infinity());
    } else if (exact < 1.17549435e-38) {
      EXPECT_EQ(y, 0.0f);
    } else {
      ASSERT_LE(std::abs(y - exact), exact * 0x1p-22) << x;
    }
  }
}

}  // namespace
}  // namespace warpfinch::emulator

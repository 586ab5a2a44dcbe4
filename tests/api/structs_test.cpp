// Structs of callers built against other headers, limits, and launches told by struct.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tuner/api/boundary.hpp"
#include "warpfinch/warpfinch.h"

// A struct that has grown twice.
struct Grown {
  size_t struct_size;
  int64_t first;
  int64_t second;     // since the second header
  const char* third;  // since this one
};

namespace warpfinch {
template <>
inline constexpr std::array<size_t, 2> kOlderSizes<Grown> = {offsetof(Grown, second), offsetof(Grown, third)};
}  // namespace warpfinch

namespace {

using testing::HasSubstr;
using warpfinch::read_struct;
using warpfinch::write_struct;

// What the library refuses a struct of that size with, "" where it takes it.
std::string refusal(const Grown* given) {
  const wf_status status = warpfinch::guarded([&] { read_struct(given, "wf_test", "wf_grown"); });
  EXPECT_EQ(status == WF_OK, *wf_last_error() == 0);
  EXPECT_NE(status, WF_ERROR_ENVIRONMENT);
  return wf_last_error();
}

TEST(Structs, WhatAnOlderCallerDoesNotKnowIsTheDefault) {
  const Grown full{sizeof(Grown), 1, 2, "three"};
  EXPECT_STREQ(read_struct(&full, "", "").third, "three");
  const Grown middle{offsetof(Grown, third), 1, 2, "beyond his struct"};
  EXPECT_EQ(read_struct(&middle, "", "").second, 2);
  EXPECT_EQ(read_struct(&middle, "", "").third, nullptr);
  EXPECT_EQ(read_struct(&middle, "", "").struct_size, sizeof(Grown));
  const Grown oldest{offsetof(Grown, second), 1, 2, "beyond"};
  EXPECT_EQ(read_struct(&oldest, "", "").first, 1);
  EXPECT_EQ(read_struct(&oldest, "", "").second, 0);
}

TEST(Structs, ANewerCallerMayNotAskForWhatIsNotThere) {
  struct {
    Grown known{sizeof(Grown) + 16, 1, 2, "three"};
    char beyond[16] = {};
  } newer;
  EXPECT_EQ(refusal(&newer.known), "");
  EXPECT_STREQ(read_struct(&newer.known, "", "").third, "three");
  newer.beyond[15] = 1;
  EXPECT_THAT(refusal(&newer.known), HasSubstr("wf_test: wf_grown of 48 bytes sets what version"));
}

TEST(Structs, SizesThatNoVersionHasAreRefused) {
  Grown given{};
  EXPECT_EQ(refusal(nullptr), "wf_test: 'wf_grown' is null");
  EXPECT_EQ(refusal(&given), "wf_test: struct_size of wf_grown is 0: set it to sizeof(wf_grown)");
  // Nothing is read of what a size that was never set spans.
  for (const size_t size :
       {size_t{1}, size_t{8}, size_t{17}, size_t{31}, size_t{WF_MAX_STRUCT_SIZE + 1}, SIZE_MAX}) {
    given.struct_size = size;
    EXPECT_THAT(refusal(&given), HasSubstr("struct_size of wf_grown is " + std::to_string(size)));
  }
}

TEST(Structs, ACallerIsGivenNoMoreThanHeKnows) {
  Grown older{offsetof(Grown, third), 0, 0, "mine"};
  write_struct(&older, Grown{sizeof(Grown), 1, 2, "three"}, "", "");
  EXPECT_EQ(older.struct_size, offsetof(Grown, third));
  EXPECT_EQ(older.second, 2);
  EXPECT_STREQ(older.third, "mine");
}

class Launches : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(wf_engine_open("emulator:sm_90a", "", &engine_), WF_OK) << wf_last_error();
    plan("softmax rows=2 columns=16 dtype=fp32");
    for (int i = 0; i < 16; ++i) x_[0][i] = x_[1][i] = 1;
    args_.buffers = buffers_;
    args_.buffer_count = 2;
  }
  void TearDown() override {
    wf_plan_close(plan_);
    wf_engine_close(engine_);
  }
  void plan(const char* problem) {
    wf_plan_close(plan_);
    ASSERT_EQ(wf_plan(engine_, problem, nullptr, &plan_), WF_OK) << wf_last_error();
  }
  std::string refused() {
    EXPECT_EQ(wf_launch(plan_, &args_), WF_ERROR_INPUT);
    return wf_last_error();
  }

  wf_engine_t* engine_ = nullptr;
  wf_plan_t* plan_ = nullptr;
  alignas(256) float x_[2][16] = {}, y_[2][16] = {};
  void* buffers_[2] = {x_, y_};
  wf_launch_args args_ = WF_LAUNCH_ARGS_INIT;
};

TEST_F(Launches, ByPosition) {
  ASSERT_EQ(wf_launch(plan_, &args_), WF_OK) << wf_last_error();
  EXPECT_EQ(y_[1][3], 1.0f / 16);
}

TEST_F(Launches, ByNameInAnyOrder) {
  const char* names[] = {"y", "x"};
  std::swap(buffers_[0], buffers_[1]);
  args_.buffer_names = names;
  ASSERT_EQ(wf_launch(plan_, &args_), WF_OK) << wf_last_error();
  EXPECT_EQ(y_[1][3], 1.0f / 16);
  names[0] = "z";
  EXPECT_EQ(refused(), "wf_launch: no buffer 'z', the plan takes: x, y");
  names[0] = "x";
  EXPECT_EQ(refused(), "wf_launch: buffer 'x' is given twice");
  names[0] = nullptr;
  EXPECT_THAT(refused(), HasSubstr("is null"));
  const std::string endless(WF_MAX_NAME + 1, 'x');
  names[0] = endless.c_str();
  EXPECT_THAT(refused(), HasSubstr("longer than 63 bytes"));
  args_.buffer_count = 1;
  EXPECT_EQ(refused(), "1 pointers given, the plan takes 2: x, y");
}

TEST_F(Launches, SizesAreRefusedWhereAllAreFixed) {
  const char* names[] = {"rows"};
  const int64_t values[] = {1};
  args_.size_names = names;
  args_.size_values = values;
  EXPECT_EQ(wf_launch(plan_, &args_), WF_OK) << "none is counted: " << wf_last_error();
  args_.size_count = 1;
  EXPECT_THAT(refused(),
              HasSubstr("size rows=1 given, but the plan leaves none open: all stand in its problem, "
                        "softmax "));
  args_.size_values = nullptr;
  EXPECT_EQ(refused(), "wf_launch: 'size_values' is null");
  args_.size_count = SIZE_MAX;
  EXPECT_THAT(refused(), HasSubstr("at most 32"));
}

TEST_F(Launches, FlagsAndSizesOfStructsThatAreNotKnown) {
  args_.flags = 4;
  EXPECT_EQ(refused(), "wf_launch: flags is 0x4, no flag is defined");
  args_ = WF_LAUNCH_ARGS_INIT;
  args_.struct_size = 0;
  EXPECT_THAT(refused(), HasSubstr("struct_size of wf_launch_args is 0"));
  EXPECT_EQ(wf_launch(plan_, nullptr), WF_ERROR_INPUT);
  wf_buffer buffer{};
  EXPECT_EQ(wf_plan_buffer(plan_, 0, &buffer), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("struct_size of wf_buffer is 0"));
  wf_tune_args tuning{};
  EXPECT_EQ(wf_tune(engine_, &tuning), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("struct_size of wf_tune_args is 0"));
}

TEST_F(Launches, AWorkspaceIsTheCallersOrThePlansOwn) {
  plan("attention_three_kernel q_heads=1 q_len=5 kv_len=7 head_dim=64 dtype=fp16");
  constexpr uint16_t one = 0x3c00;  // equal keys and values give exactly the value
  std::vector<std::vector<uint16_t>> tensors;
  std::vector<void*> pointers;
  for (size_t i = 0; i < 4; ++i) {
    wf_buffer buffer = WF_BUFFER_INIT;
    ASSERT_EQ(wf_plan_buffer(plan_, i, &buffer), WF_OK) << wf_last_error();
    tensors.emplace_back(static_cast<size_t>(buffer.bytes) / 2 + 128, one);
    const auto address = reinterpret_cast<uintptr_t>(tensors.back().data());
    pointers.push_back(reinterpret_cast<void*>((address + 255) / 256 * 256));
  }
  auto* const result = static_cast<uint16_t*>(pointers[3]);
  const size_t bytes = wf_workspace_size(plan_);
  ASSERT_GT(bytes, 0u);
  std::vector<char> memory(bytes + 256);
  args_.buffers = pointers.data();
  args_.buffer_count = 4;
  for (int i = 0; i < 2; ++i) {  // the second time it is there
    *result = 0;
    EXPECT_EQ(wf_launch(plan_, &args_), WF_OK) << wf_last_error();
    EXPECT_NEAR(*result, one, 2);
  }
  args_.workspace = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(memory.data()) + 255) / 256 * 256);
  args_.workspace_size = bytes - 1;
  EXPECT_EQ(refused(), "wf_launch: the workspace has " + std::to_string(bytes - 1) +
                           " bytes, the plan needs " + std::to_string(bytes));
  args_.workspace_size = bytes;
  *result = 0;
  EXPECT_EQ(wf_launch(plan_, &args_), WF_OK) << wf_last_error();
  EXPECT_NEAR(*result, one, 2);
}

TEST(Limits, LongTextsAreRefused) {
  const std::string text(WF_MAX_TEXT + 1, 'x');
  wf_plan_t* plan = nullptr;
  EXPECT_EQ(wf_generate(text.c_str(), nullptr, nullptr, &plan), WF_ERROR_INPUT);
  EXPECT_STREQ(wf_last_error(), "wf_generate: 'problem_text' is longer than 65535 bytes");
  EXPECT_EQ(wf_generate("softmax rows=5 columns=16", text.c_str(), nullptr, &plan), WF_ERROR_INPUT);
  EXPECT_STREQ(wf_last_error(), "wf_generate: 'config_text' is longer than 65535 bytes");
  wf_engine_t* engine = nullptr;
  EXPECT_EQ(wf_engine_open(text.c_str(), "", &engine), WF_ERROR_INPUT);
  EXPECT_EQ(wf_engine_open("emulator:sm_90a", text.c_str(), &engine), WF_ERROR_INPUT);
  EXPECT_STREQ(wf_last_error(), "wf_engine_open: 'database_path' is longer than 65535 bytes");
}

}  // namespace

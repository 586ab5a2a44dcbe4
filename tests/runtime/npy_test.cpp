// .npy files: what is written reads back, what numpy writes is read, everything else is refused in one line.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <thread>

#include "generator/result.hpp"
#include "runtime/workload.hpp"
#include "temporary_folder.hpp"

namespace warpfinch {
namespace {

const Buffer kMatrix{.name = "x", .type = DataType::fp16, .shape = {2, 3}, .strides = {3, 1}};

std::string npy(const std::string& dictionary, const std::string& data, int version = 1) {
  std::string header = dictionary;
  const size_t start = version == 1 ? 10 : 12;
  header.append(63 - (start + header.size()) % 64, ' ').push_back('\n');
  std::string file = "\x93NUMPY";
  file += {static_cast<char>(version), 0, static_cast<char>(header.size() & 255),
           static_cast<char>(header.size() >> 8)};
  if (version > 1) file += {0, 0};
  return file + header + data;
}

class Npy : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& content) {
    const std::filesystem::path file = folder_.path() / "t.npy";
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  // The one line that reading this content as kMatrix gives, without the file's name.
  std::string complaint(const std::string& content) {
    const std::filesystem::path file = write(content);
    try {
      read_npy(file, kMatrix);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::input);
      const std::string text = error.what(), name = file.string() + ": ";
      EXPECT_TRUE(text.starts_with(name)) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos);
      return text.substr(name.size());
    }
    return "accepted";
  }
  TemporaryFolder folder_;
};

TEST_F(Npy, RoundTripInEveryType) {
  for (DataType type : {DataType::bf16, DataType::fp16, DataType::fp32}) {
    const Buffer packed{.name = "x", .type = type, .shape = {3, 5, 7}, .strides = {35, 7, 1}};
    const HostTensor tensor = random(packed, 11);
    write(to_npy(tensor));
    EXPECT_EQ(read_npy(folder_.path() / "t.npy", packed).data, tensor.data) << to_text(type);
  }
}

TEST_F(Npy, StridesAreOfTheTensorAndNotOfTheFile) {
  const Buffer strided{.name = "x", .type = DataType::fp32, .shape = {3, 4}, .strides = {1, 5}};
  const HostTensor tensor = random(strided, 2);
  write(to_npy(tensor));
  EXPECT_EQ(read_npy(folder_.path() / "t.npy", strided).data, tensor.data);
  const Buffer packed{.name = "x", .type = DataType::fp32, .shape = {3, 4}, .strides = {4, 1}};
  const HostTensor read = read_npy(folder_.path() / "t.npy", packed);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 4; ++j) EXPECT_EQ(read.at({i, j}), tensor.at({i, j}));
}

TEST_F(Npy, HeaderIsAsNumpyWritesIt) {
  const Buffer vector{.name = "x", .type = DataType::fp16, .shape = {2}, .strides = {1}};
  EXPECT_EQ(to_npy(zeros(vector)),
            npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", std::string(4, '\0')));
}

TEST_F(Npy, ReadsVersionsOneToThree) {
  const std::string data("\x00\x3c\x00\xc0\x00\x00\x00\x00\x00\x00\xff\x7b", 12);
  for (int version : {1, 2, 3}) {
    const auto file =
        write(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", data, version));
    const HostTensor tensor = read_npy(file, kMatrix);
    EXPECT_EQ(tensor.at({0, 0}), 1.0);
    EXPECT_EQ(tensor.at({0, 1}), -2.0);
    EXPECT_EQ(tensor.at({1, 2}), 65504.0);
  }
}

TEST_F(Npy, Bf16IsReadFromIntegersAndFromOpaquePairs) {
  const Buffer pair{.name = "x", .type = DataType::bf16, .shape = {2}, .strides = {1}};
  for (const char* descr : {"<u2", "<V2", "|V2"}) {
    const auto file =
        write(npy("{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (2,), }",
                  std::string("\x80\x3f\x00\xc0", 4)));
    EXPECT_EQ(read_npy(file, pair).at({0}), 1.0) << descr;
    EXPECT_EQ(read_npy(file, pair).at({1}), -2.0) << descr;
  }
}

TEST_F(Npy, WrongFilesAreRefusedInOneLine) {
  const std::string data(12, '\0');
  EXPECT_EQ(
      complaint(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", std::string(48, '\0'))),
      "holds elements of type '<f8', x is fp16, stored as '<f2'");
  EXPECT_EQ(complaint(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (3, 2), }", data)),
            "has shape [3, 2], x wants [2, 3]");
  EXPECT_EQ(complaint(npy("{'descr': '<f2', 'fortran_order': True, 'shape': (2, 3), }", data)),
            "is in Fortran order; save numpy.ascontiguousarray(…) of it");
  EXPECT_EQ(complaint(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", data.substr(1))),
            "holds 11 bytes of elements, shape [2, 3] needs 12: cut off");
  EXPECT_EQ(complaint(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", data + "x")),
            "holds 13 bytes of elements, shape [2, 3] needs 12");
  EXPECT_EQ(complaint(npy("{'descr': '<f2', 'shape': (2, 3), }", data)),
            "the .npy header has no 'fortran_order'");
  EXPECT_EQ(complaint(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, x), }", data)),
            "the .npy header's shape is no tuple of sizes");
  EXPECT_EQ(complaint(npy("{'descr': [('a', '<f2')], 'fortran_order': False, 'shape': (2, 3), }", data)),
            "the .npy header's descr is no simple type");
  EXPECT_EQ(complaint("not numpy at all"), "not a .npy file");
  EXPECT_EQ(complaint(""), "not a .npy file");
}

TEST_F(Npy, EveryCutOfAFileIsRefused) {
  const std::string whole =
      npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", std::string(12, '\0'));
  ASSERT_EQ(complaint(whole), "accepted");
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(complaint(whole.substr(0, length)), "accepted") << length;
}

TEST_F(Npy, MissingFilesAndFoldersAreNamed) {
  for (const auto& file : {folder_.path() / "none" / "t.npy", folder_.path()}) {
    try {
      read_npy(file, kMatrix);
      ADD_FAILURE() << file << " was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::input);
      EXPECT_NE(std::string(error.what()).find(file == folder_.path() ? "folder" : "No such file"),
                std::string::npos)
          << error.what();
    }
  }
}

// A pipe has no size to ask for.
TEST_F(Npy, PipesAreReadAsFilesAre) {
  const std::filesystem::path pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const HostTensor tensor = random(kMatrix, 3);
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << to_npy(tensor); });
  EXPECT_EQ(read_npy(pipe, kMatrix).data, tensor.data);
  writer.join();
}

}  // namespace
}  // namespace warpfinch

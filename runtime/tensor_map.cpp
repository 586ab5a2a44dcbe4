#include "runtime/tensor_map.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "generator/result.hpp"

namespace warpfinch {
namespace {

constexpr size_t kMaxRank = 5;

CUtensorMapDataType data_type(DataType type) {
  switch (type) {
    case DataType::bf16:
      return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    case DataType::fp16:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
    case DataType::fp32:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  }
  return {};
}

CUtensorMapSwizzle swizzle(int bytes) {
  switch (bytes) {
    case 32:
      return CU_TENSOR_MAP_SWIZZLE_32B;
    case 64:
      return CU_TENSOR_MAP_SWIZZLE_64B;
    case 128:
      return CU_TENSOR_MAP_SWIZZLE_128B;
    default:
      assert(bytes == 0);
      return CU_TENSOR_MAP_SWIZZLE_NONE;
  }
}

std::string describe(const TensorMap& map, DevicePointer address, const std::string& owner) {
  return fmt::format("'{}': {} [{}] strides [{}] bytes, box [{}], swizzle {}, at {:#x}", owner,
                     to_text(map.type), fmt::join(map.shape, ", "), fmt::join(map.byte_strides, ", "),
                     fmt::join(map.box, ", "), map.swizzle, address);
}

}  // namespace

CUtensorMap encode(const Driver& driver, const TensorMap& map, DevicePointer address,
                   const std::string& owner) {
  const size_t rank = map.shape.size();
  assert(rank >= 1 && rank <= kMaxRank && map.byte_strides.size() == rank - 1 && map.box.size() == rank);
  std::array<cuuint64_t, kMaxRank> shape{}, strides{};
  std::array<cuuint32_t, kMaxRank> box{}, steps{};
  for (size_t i = 0; i < rank; ++i) {
    shape[i] = static_cast<cuuint64_t>(map.shape[i]);
    if (i + 1 < rank) strides[i] = static_cast<cuuint64_t>(map.byte_strides[i]);
    box[i] = static_cast<cuuint32_t>(map.box[i]);
    steps[i] = 1;
  }
  CUtensorMap encoded{};
  // What lies outside of the tensor reads as zero, which the kernels rely on for ragged edges.
  const CUresult code = driver.tensor_map_encode_tiled(
      &encoded, data_type(map.type), static_cast<cuuint32_t>(rank), reinterpret_cast<void*>(address),
      shape.data(), strides.data(), box.data(), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE,
      swizzle(map.swizzle), CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (code != CUDA_SUCCESS) check(driver, code, "cuTensorMapEncodeTiled", describe(map, address, owner));
  return encoded;
}

}  // namespace warpfinch

// Element types, their text and their size.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace warpfinch {

enum class DataType { bf16, fp16, fp32 };

constexpr int size_of(DataType type) { return type == DataType::fp32 ? 4 : 2; }

constexpr std::string_view to_text(DataType type) {
  switch (type) {
    case DataType::bf16: return "bf16";
    case DataType::fp16: return "fp16";
    case DataType::fp32: return "fp32";
  }
  return "";
}

constexpr std::optional<DataType> data_type_from_text(std::string_view text) {
  for (DataType type : {DataType::bf16, DataType::fp16, DataType::fp32})
    if (to_text(type) == text) return type;
  return std::nullopt;
}

}  // namespace warpfinch

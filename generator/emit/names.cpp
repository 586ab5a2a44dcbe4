#include "generator/emit/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <sstream>

#include "generator/ir/ops.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/text.hpp"

namespace warpfinch::emit {

using namespace ir;

namespace {

// The emitter appends these to a tensor's name to name what it makes of it: `q_map`, `o_tile`.
bool has_generated_suffix(const std::string& name) {
  for (const char* suffix : {"_data", "_map", "_ring", "_shared", "_tile", "_rows", "_columns", "_global"})
    if (name.ends_with(suffix)) return true;
  return false;
}

std::set<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

bool is_taken(const std::string& name) {
  static const std::set<std::string> words = words_of(
      // C++
      "alignas alignof and and_eq asm auto bitand bitor bool break case catch char "
      "char16_t char32_t char8_t class co_await co_return co_yield compl concept const "
      "const_cast consteval constexpr constinit continue decltype default delete do double "
      "dynamic_cast else enum explicit export extern false float for friend goto if inline int "
      "long mutable namespace new noexcept not not_eq nullptr operator or or_eq private "
      "protected public register reinterpret_cast requires return short signed sizeof static "
      "static_assert static_cast struct switch template this thread_local throw true try "
      "typedef typeid typename union unsigned using virtual void volatile wchar_t while xor "
      "xor_eq "
      // templates and emitter
      "map at pack pin bf16 fp16 fp32 u16 u32 u64 i64 main printf warpfinch walk smaller "
      "larger infinity thread_index block_index transposed tile_counter shared seldom "
      "place accumulate overwrite partial whole changed always");
  return words.contains(name) || find_op(name) != nullptr || has_generated_suffix(name);
}

std::string layout_suffix(const Tensor& tensor) {
  return attribute(tensor.attributes, "layout") == "vector" ? ", VectorLayout" : "";
}

std::string spell_register_type(const Tensor& tensor) {
  const int64_t first = value(tensor.shape[0]);
  if (has(tensor.attributes, "rows")) return fmt::format("RowValues<{}>", first);
  if (has(tensor.attributes, "columns"))
    return fmt::format("ColumnValues<{}{}>", first, layout_suffix(tensor));
  const int64_t columns = value(tensor.shape[1]);
  if (tensor.type != DataType::fp32)
    return fmt::format("PackedTile<{}, {}, {}>", to_text(tensor.type), first, columns);
  return fmt::format("RegisterTile<float, {}, {}{}>", first, columns, layout_suffix(tensor));
}

}  // namespace

std::string parameter_name(const std::vector<KernelParameter>& parameters, const KernelParameter& parameter) {
  if (!parameter.is_map) return parameter.param + "_data";
  int before = 0;
  for (const KernelParameter& other : parameters) {
    if (other == parameter) break;
    before += other.is_map && other.param == parameter.param;
  }
  return parameter.param + "_map" + (before ? number_to_text(before + 1) : "");
}

int64_t slice_rows(const Operand& operand, int64_t all, const Target& target) {
  if (operand.index.empty()) return all;
  return operand.index[0] == symbol("warp") ? warp_rows(target) : warpgroup_rows(target);
}

// `walk` is taken and becomes `walk_`, so that `walk_` has to become `walk__`.
std::string spell_symbol(const std::string& name) {
  for (const KnownName& known : known_names())
    if (known.name == name) return std::string(known.spelling);
  const std::string stem = name.substr(0, name.find_last_not_of('_') + 1);
  return is_taken(stem) || is_taken(name) ? name + "_" : name;
}

namespace {

Expr with_device_names(Expr expr) {
  if (expr.kind == Expr::Kind::name) expr.name = spell_symbol(expr.name);
  for (Expr& argument : expr.arguments) argument = with_device_names(std::move(argument));
  return expr;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

// C++ reads the IR's expressions as they stand, but for the names of min and max.
std::string spell(const Expr& expr) {
  std::string text = to_text(with_device_names(expr));
  replace_all(text, "min(", "smaller(");
  replace_all(text, "max(", "larger(");
  return text;
}

std::string spell_number(double number) {
  if (std::isinf(number)) return number < 0 ? "-infinity()" : "infinity()";
  const std::string text = fmt::format("{}", static_cast<float>(number));
  const bool has_point = text.find_first_of(".e") != std::string::npos;
  return text + (has_point ? "f" : ".0f");
}

std::string spell_tensor(const Program& program, Space space, const std::string& name) {
  if (space == Space::global) return name + "_global";
  if (space == Space::shared) return name + (lower::is_ring(program, name) ? "_ring" : "_shared");
  const Tensor& tensor = *find(program, space, name);
  return name + (has(tensor.attributes, "rows")      ? "_rows"
                 : has(tensor.attributes, "columns") ? "_columns"
                                                     : "_tile");
}

std::string spell_type(const Program& program, const Tensor& tensor) {
  if (tensor.space == Space::register_) return spell_register_type(tensor);
  if (tensor.space == Space::global)
    return fmt::format("GlobalTensor<{}, {}>", to_text(tensor.type), tensor.shape.size());
  const std::string tile =
      fmt::format("SharedTile<{}, {}, {}, {}>", to_text(tensor.type), value(tensor.shape[0]),
                  value(tensor.shape[1]), integer(tensor.attributes, "swizzle", 128));
  if (!lower::is_ring(program, tensor.name)) return tile;
  const int64_t blocks = lower::multicast_of(program, tensor.name);
  if (blocks > 1)
    return fmt::format("ClusterRing<{}, {}, {}, {}>", tile, lower::stages(tensor), lower::tile_bytes(tensor),
                       blocks);
  return fmt::format("Ring<{}, {}, {}>", tile, lower::stages(tensor), lower::tile_bytes(tensor));
}

}  // namespace warpfinch::emit

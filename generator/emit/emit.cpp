#include "generator/emit/emit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "generator/emit/headers.hpp"
#include "generator/emit/names.hpp"
#include "generator/ir/attributes.hpp"
#include "generator/ir/ops.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/walk.hpp"
#include "generator/text.hpp"

namespace warpfinch::emit {

using namespace ir;

namespace {

void append(std::string& list, std::string_view text) {
  if (!text.empty()) list += (list.empty() ? "" : ", ") + std::string(text);
}

// What the call says for an attribute; nothing where passes alone read it.
std::string spell_attribute(const Op& op, const AttributeInfo& info) {
  const auto value = attribute(op.attributes, info.name);
  if (!value) return std::string(info.absent);
  if (info.form == AttributeInfo::Form::flag) return std::string(info.spelled[0]);
  if (info.place == AttributeInfo::Place::last_argument)
    return spell_number(real(op.attributes, info.name, 0));
  if (info.spelled.empty()) return *value;
  const auto word = std::find(info.words.begin(), info.words.end(), *value);
  return std::string(info.spelled[static_cast<size_t>(word - info.words.begin())]);
}

constexpr size_t kColumns = 110;

struct CallArguments {
  std::string in_template, last;
};
CallArguments spell_attributes(const Op& op) {
  CallArguments result;
  std::string_view in_front;  // what stands for one that is absent, should another follow
  for (std::string_view name : find_op(op.name)->attributes) {
    const AttributeInfo& info = *find_attribute(name);
    if (info.place == AttributeInfo::Place::nowhere) continue;
    const std::string text = spell_attribute(op, info);
    if (info.place == AttributeInfo::Place::last_argument) {
      append(result.last, text);
      continue;
    }
    if (!text.empty()) append(result.in_template, std::exchange(in_front, {}));
    append(result.in_template, text);
    if (text.empty()) in_front = info.absent_in_front;
  }
  return result;
}

class Emitter {
 public:
  Emitter(const Program& program, const Target& target)
      : program_(program),
        target_(target),
        launch_(lower::launch_of(program)),
        parameters_(kernel_parameters(program, target)) {}

  CudaSource run(const std::vector<std::string>& title) {
    head(title);
    for (const Op& op : program_.body)
      if (op.name == "tile_lists") tile_lists(op);
    signature();
    places();
    for (const Op& op : launch_.body) statement(op);
    close();
    return {spell_symbol(program_.name), target_.name, text_, headers(program_, target_), lines_};
  }

 private:
  // --- text ----------------------------------------------------------------------------------------------
  void line(const std::string& text, int ir_line = 0) {
    text_ += text.empty() ? "\n" : std::string(2 * depth_, ' ') + text + "\n";
    lines_.push_back(ir_line);
  }
  void open(const std::string& text, int ir_line = 0) {
    line(text + " {", ir_line);
    ++depth_;
  }
  void close() {
    --depth_;
    line("}");
  }

  // --- head ----------------------------------------------------------------------------------------------
  void head(const std::vector<std::string>& title) {
    for (const std::string& text : title) line("// " + text);
    for (const Header& header : headers(program_, target_)) line(fmt::format("#include \"{}\"", header.name));
    line("");
    line("using namespace warpfinch;");
    line("");
  }
  void tile_lists(const Op& lists) {
    size_t longest = 0;
    std::vector<std::string> rows;
    for (const Op& list : lists.body) {
      const std::vector<int64_t> tiles = integer_list(*attribute(list.attributes, "of"));
      longest = std::max(longest, tiles.size());
      rows.push_back(fmt::format("{{{}, ListedWalk::kEnd}},", fmt::join(tiles, ", ")));
    }
    line(fmt::format("// For each block its tiles, {} at most, and the end of its list.", longest));
    open(fmt::format("__constant__ const u16 {}[{}][{}] =", lists_name(), rows.size(), longest + 1));
    std::string together;
    for (const std::string& row : rows) {
      if (together.size() + row.size() + 3 > kColumns) line(std::exchange(together, ""));
      together += (together.empty() ? "" : " ") + row;
    }
    line(together);
    --depth_;
    line("};");
    line("");
  }
  std::string lists_name() const { return spell_symbol(program_.name) + "_tiles"; }
  void signature() {
    std::vector<std::string> arguments;
    for (const KernelParameter& parameter : parameters_) {
      const Tensor& tensor = *find(program_, Space::global, parameter.param);
      const std::string name = parameter_name(parameters_, parameter);
      arguments.push_back(parameter.is_map ? "const __grid_constant__ TensorMap " + name
                                           : fmt::format("{}* {}", to_text(tensor.type), name));
    }
    if (has_op(program_, "claims")) arguments.push_back("u32* tile_counter");
    const auto cluster = attribute(launch_.attributes, "cluster");
    line(fmt::format("extern \"C\" __global__ void {}__launch_bounds__({}, {})",
                     cluster ? fmt::format("__cluster_dims__({}, 1, 1) ", *cluster) : "",
                     integer(program_.attributes, "threads", 128),
                     integer(program_.attributes, "ctas_per_sm", 1)),
         1);
    wrapped(spell_symbol(program_.name) + "(", arguments, ") {");
    ++depth_;
  }
  // The list between head and end, as much of it on a line as fits, its lines below each other.
  void wrapped(const std::string& head, const std::vector<std::string>& list, const std::string& end) {
    std::string text = head;
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string piece = list[i] + (i + 1 < list.size() ? "," : end);
      const bool opens = text.back() == '(' || text.back() == ' ';
      if (!opens && text.size() + 1 + piece.size() > kColumns)
        line(std::exchange(text, std::string(head.size(), ' ')), 1);
      text += (text.back() == ',' ? " " : "") + piece;
    }
    line(text, 1);
  }

  // --- where tensors lie ------
  void places() {
    bool has_shared = false;
    for (const Tensor& tensor : program_.tensors) has_shared |= tensor.space == Space::shared;
    if (has_shared) line("const u32 shared = shared_base();");
    for (const Tensor& tensor : program_.tensors) {
      if (tensor.space == Space::shared) shared_place(tensor);
      if (tensor.space == Space::global) global_place(tensor);
    }
  }
  void shared_place(const Tensor& tensor) {
    const std::string name = spell_tensor(program_, Space::shared, tensor.name);
    const int64_t offset = integer(tensor.attributes, "offset", 0);
    const std::string type = spell_type(program_, tensor);
    if (lower::is_ring(program_, tensor.name))
      line(fmt::format("{} {}{{{}, {}, 0, 0}};", type, name, at(offset),
                       at(integer(tensor.attributes, "barriers", 0))),
           line_of(program_, tensor));
    else
      line(fmt::format("const {} {}{{{}}};", type, name, at(offset)), line_of(program_, tensor));
  }
  static std::string at(int64_t offset) { return spell(symbol("shared.base") + offset); }
  void global_place(const Tensor& tensor) {
    const KernelParameter pointer{tensor.name};
    if (std::find(parameters_.begin(), parameters_.end(), pointer) == parameters_.end()) return;
    std::vector<int64_t> shape;
    for (const Expr& extent : tensor.shape) shape.push_back(value(extent));
    const std::vector<int64_t> strides = lower::strides_of(tensor);
    const auto packed = lower::packed_axis(tensor);
    line(fmt::format("const {} {}{{{}, {{{}}}, {{{}}}{}}};", spell_type(program_, tensor),
                     spell_tensor(program_, Space::global, tensor.name), parameter_name(parameters_, pointer),
                     fmt::join(shape, ", "), fmt::join(strides, ", "),
                     packed ? fmt::format(", {}, {}, {}", packed->axis, packed->count, packed->stride) : ""),
         line_of(program_, tensor));
  }
  // Those that the body names, which its warps have for themselves.
  void registers(const Op& role) {
    for (const Tensor& tensor : program_.tensors)
      if (tensor.space == Space::register_ && mentions(role, Space::register_, tensor.name))
        line(fmt::format("{} {};", spell_type(program_, tensor),
                         spell_tensor(program_, Space::register_, tensor.name)),
             line_of(program_, tensor));
  }

  // --- statements ------
  void statement(const Op& op) {
    const unsigned traits = find_op(op.name)->traits;
    if (op.name == "role") return role(op);
    if (op.name == "for")
      line(fmt::format("#pragma unroll {}", integer(op.attributes, "unroll", 1)), op.line);
    if (traits & kBlock) return block(op, block_head(op, traits));
    if (op.name == "let")
      line(fmt::format("const int {} = {};", spell_symbol(op.ranges[0].name), spell(op.operands[0].expr)),
           op.line);
    else if (op.name == "leave")
      line(fmt::format("if ({}) break;", spell(op.operands[0].expr)), op.line);
    else if (traits & kDeclares)
      line(fmt::format("const {};", object(op)), op.line);
    else if (traits & (kLeaves | kPasses))
      line(fmt::format("if (!{}) {};", call(op), traits & kLeaves ? "break" : "continue"), op.line);
    else
      line(call(op) + ";", op.line);
  }
  // A reader breathes in front of a loop, and where the kernel has placed what it works on.
  bool starts_paragraph(const Op& op) const { return op.name == "for" || &op == &launch_.body.front(); }
  std::string block_head(const Op& op, unsigned traits) const {
    if (op.name == "for") return loop_head(op);
    if (op.name == "if") return fmt::format("if ({})", spell(op.operands[0].expr));
    if (traits & kWalk) return fmt::format("for ({}; walk.valid(); walk.next())", object(op));
    return has(op.attributes, "seldom") ? fmt::format("if (seldom({}))", call(op))
                                        : fmt::format("if ({})", call(op));
  }
  void block(const Op& op, const std::string& head) {
    open(head, op.line);
    for (const Op& inner : op.body) statement(inner);
    close();
  }
  // One behind the other, as warps are numbered; the last one takes the rest of them.
  void role(const Op& op) {
    const bool first = first_warp_ == 0;
    first_warp_ += integer(op.attributes, "warps", 0);
    const bool last = first_warp_ * kWarpThreads == integer(program_.attributes, "threads", 0);
    const std::string warps = last ? "" : fmt::format("if (warp < {}) ", first_warp_);
    if (first) line("");
    if (!first) --depth_;
    if (!first) line(fmt::format("}} else {}{{  // {}", warps, role_kind(op)), op.line);
    if (first && !last) line(fmt::format("{}{{  // {}", warps, role_kind(op)), op.line);
    depth_ += !first || !last;
    registers(op);
    for (const Op& inner : op.body) statement(inner);
    if (last && !first) close();
  }
  static std::string loop_head(const Op& op) {
    const Range& range = op.ranges[0];
    const std::string name = spell_symbol(range.name);
    const std::string goes_on =
        has(op.attributes, "left_inside") ? "" : fmt::format(" {} < {}", name, spell(range.end));
    const std::string next =
        range.step == Expr(1) ? "++" + name : fmt::format("{} += {}", name, spell(range.step));
    return fmt::format("for (int {} = {};{}; {})", name, spell(range.begin), goes_on, next);
  }
  std::string call(const Op& op) const {
    const CallArguments attributes = spell_attributes(op);
    std::string arguments = operands(op);
    if (moves_tile(op)) append(arguments, coordinates(global_operand(op)));
    append(arguments, attributes.last);
    append(arguments, implied(op));
    return fmt::format("{}{}({})", op.name, in_brackets(attributes.in_template), arguments);
  }
  // What the op declares or walks by.
  std::string object(const Op& op) const {
    const OpInfo& info = *find_op(op.name);
    std::string arguments = implied(op);
    append(arguments, operands(op));
    return fmt::format("{}{} {}{{{}}}", info.type, in_brackets(spell_attributes(op).in_template), info.object,
                       arguments);
  }
  static std::string in_brackets(const std::string& text) { return text.empty() ? "" : "<" + text + ">"; }
  std::string implied(const Op& op) const {
    std::string text;
    for (std::string_view name : find_op(op.name)->implied)
      append(text, name == "tile_lists" ? lists_name() + "[block_index()]" : std::string(name));
    return text;
  }
  std::string operands(const Op& op) const {
    std::string text;
    for (size_t i = 0; i < op.operands.size(); ++i) append(text, operand(op, i));
    return text;
  }
  std::string operand(const Op& op, size_t i) const {
    const Operand& operand = op.operands[i];
    if (operand.kind == Operand::Kind::number) return spell_number(operand.number);
    if (operand.kind == Operand::Kind::expr) return expression(op, i);
    if (operand.space == Space::register_) return spell_tensor(program_, Space::register_, operand.name);
    if (operand.space == Space::global) return global_argument(op, operand);
    return shared_operand(op, operand);
  }
  // A number where the op takes one, else an index.
  std::string expression(const Op& op, size_t i) const {
    const Operand& operand = op.operands[i];
    if (!(operand_info(*find_op(op.name), i).kinds & kNumber)) return spell(operand.expr);
    if (is_constant(operand.expr)) return spell_number(static_cast<double>(value(operand.expr)));
    return fmt::format("static_cast<float>({})", spell(operand.expr));
  }
  // A copy takes the tensor and, as its last arguments, where the tile begins; other ops both as one.
  std::string global_argument(const Op& op, const Operand& operand) const {
    if (is_tma(op)) return parameter_name(parameters_, parameter_of(program_, op, target_));
    const std::string tensor = spell_tensor(program_, Space::global, operand.name);
    return moves_tile(op) ? tensor : fmt::format("place({}, {})", tensor, coordinates(operand));
  }
  static std::string coordinates(const Operand& operand) {
    std::string text;
    for (const Expr& index : operand.index) text += (text.empty() ? "" : ", ") + spell(index);
    return text;
  }
  std::string shared_operand(const Op& op, const Operand& operand) const {
    std::string text = spell_tensor(program_, Space::shared, operand.name);
    const bool whole_ring = find_op(op.name)->group == Group::synchronisation || op.name == "load";
    if (lower::is_ring(program_, operand.name) && !whole_ring) text += ".tile()";
    if (!operand.index.empty()) text += slice(op, operand);
    return operand.transposed ? "transposed(" + text + ")" : text;
  }
  // Rows or columns of a factor, or the rows of a warp or warpgroup.
  std::string slice(const Op& op, const Operand& operand) const {
    const std::string which = spell(operand.index.back());
    if (op.name != "mma") return fmt::format(".rows<{}>({})", slice_rows(operand, 0, target_), which);
    const auto i = static_cast<size_t>(&operand - op.operands.data());
    const lower::FactorSlice part = lower::factor_slice(program_, op, i, target_);
    if (operand.index.size() > 1) return fmt::format(".columns<{}>({})", part.columns, which);
    return fmt::format(".rows<{}>({})", part.rows, which);
  }

  const Program& program_;
  const Target& target_;
  const Op& launch_;
  const std::vector<KernelParameter> parameters_;
  std::string text_;
  std::vector<int> lines_;
  int depth_ = 0;
  int64_t first_warp_ = 0;  // of the next role
};

}  // namespace

CudaSource emit(const Program& program, const Target& target, const std::vector<std::string>& title) {
  return Emitter(program, target).run(title);
}

}  // namespace warpfinch::emit

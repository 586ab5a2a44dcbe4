#include "generator/emit/emit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "generator/emit/headers.hpp"
#include "generator/emit/names.hpp"
#include "generator/ir/attributes.hpp"
#include "generator/ir/ops.hpp"
#include "generator/lower/balance.hpp"
#include "generator/lower/tensors.hpp"
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
  Emitter(const Program& program, const Target& target) : program_(program), target_(target) {
    parameters_ = kernel_parameters(program, target);
    threads_ = static_cast<int>(integer(program.attributes, "threads", 128));
  }

  CudaSource run(const std::vector<std::string>& title) {
    head(title);
    signature();
    places();
    barriers();
    ir_line_ = 2 + static_cast<int>(program_.tensors.size());
    grid(program_.body[0]);
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
  bool has_op(std::string_view name) const {
    bool found = false;
    walk(program_.body, [&](const Op& op) { found |= op.name == name; });
    return found;
  }
  void head(const std::vector<std::string>& title) {
    for (const std::string& text : title) line("// " + text);
    for (const Header& header : headers(program_, target_)) line(fmt::format("#include \"{}\"", header.name));
    line("");
    line("using namespace warpfinch;");
    line("");
    if (lower::lists_tiles(program_.body[0])) tile_lists();
  }
  // The tiles of each block.
  void tile_lists() {
    const int64_t count = integer(program_.body[0].attributes, "lists", 1);
    const auto lists = lower::balanced_lists(lower::tile_costs(program_), count);
    size_t longest = 0;
    for (const auto& list : lists) longest = std::max(longest, list.size());
    line(fmt::format("// For each block its tiles, {} at most, and the end of its list.", longest));
    line(fmt::format("__constant__ const u16 {}[{}][{}] = {{", lists_name(), count, longest + 1));
    ++depth_;
    std::string row;
    for (const auto& list : lists) {
      const std::string tiles = fmt::format("{{{}, ListedWalk::kEnd}},", fmt::join(list, ", "));
      if (row.size() + tiles.size() > 105) line(std::exchange(row, ""));
      row += (row.empty() ? "" : " ") + tiles;
    }
    line(row);
    --depth_;
    line("};");
    line("");
  }
  std::string lists_name() const { return spell_symbol(program_.name) + "_tiles"; }
  void signature() {
    std::string arguments;
    for (const KernelParameter& parameter : parameters_) {
      const Tensor& tensor = *find(program_, Space::global, parameter.param);
      const std::string name = parameter_name(parameters_, parameter);
      arguments += arguments.empty() ? "" : ", ";
      arguments += parameter.is_map ? "const __grid_constant__ TensorMap " + name
                                    : fmt::format("{}* {}", to_text(tensor.type), name);
    }
    if (claims_tiles()) arguments += ", u32* tile_counter";
    const std::string dims = cluster() > 1 ? fmt::format("__cluster_dims__({}, 1, 1) ", cluster()) : "";
    line(fmt::format("extern \"C\" __global__ void {}__launch_bounds__({}, {}) {}({}) {{", dims, threads_,
                     integer(program_.attributes, "ctas_per_sm", 1), spell_symbol(program_.name), arguments),
         1);
    ++depth_;
  }

  // --- where tensors lie ------
  void places() {
    int ir_line = 1;
    bool has_shared = false;
    for (const Tensor& tensor : program_.tensors) has_shared |= tensor.space == Space::shared;
    if (has_shared) line("const u32 shared = shared_base();");
    for (const Tensor& tensor : program_.tensors) {
      ++ir_line;
      if (tensor.space == Space::shared) shared_place(tensor, ir_line);
      if (tensor.space == Space::global) global_place(tensor, ir_line);
    }
  }
  void shared_place(const Tensor& tensor, int ir_line) {
    const std::string name = spell_tensor(program_, Space::shared, tensor.name);
    const int64_t offset = integer(tensor.attributes, "offset", 0);
    const std::string type = spell_type(program_, tensor);
    if (lower::is_ring(program_, tensor.name))
      line(fmt::format("{} {}{{shared + {}, shared + {}, 0, 0}};", type, name, offset,
                       integer(tensor.attributes, "barriers", 0)),
           ir_line);
    else
      line(fmt::format("const {} {}{{shared + {}}};", type, name, offset), ir_line);
  }
  void global_place(const Tensor& tensor, int ir_line) {
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
         ir_line);
  }
  void barriers() {
    const int64_t consumer_warps = warps_of("consumer");
    std::vector<std::string> calls;
    for (const Tensor& tensor : program_.tensors) {
      if (tensor.space != Space::shared || !lower::is_ring(program_, tensor.name)) continue;
      const int arrivals = lower::filled_by_threads(program_, tensor.name) ? 128 : 1;
      calls.push_back(fmt::format("initialize({}, {}, {});",
                                  spell_tensor(program_, Space::shared, tensor.name), arrivals,
                                  consumer_warps * lower::multicast_of(program_, tensor.name)));
    }
    if (calls.empty()) return;
    if (claims_tiles()) {
      line(fmt::format("const TileClaims<{}> claims{{tile_counter, {}, shared + {}}};", kept_claims(),
                       lower::tile_count(program_.body[0]), walk_offset()));
      calls.push_back(fmt::format("initialize(claims, {});",
                                  consumer_warps + (producer_copies() ? warps_of("producer") : 0)));
    }
    if (retried() && cluster() > 1)
      line(fmt::format("const ClusterMask<{}> redo_mask{{shared + {}}};", cluster(), redo_offset()));
    else if (retried())
      line(fmt::format("const u32 redo_mask = shared + {};", redo_offset()));
    open("if (thread_index() == 0)");
    for (const std::string& call : calls) line(call);
    if (retried()) line("st_shared(redo_mask, 0u);");
    line("mbarrier_init_fence();");
    close();
    line(cluster() > 1 ? "cluster_sync();" : "block_sync();");
    line("");
  }
  // The name that is 1 when tiles are done again, where there is one.
  std::optional<std::string> retried() const { return attribute(program_.body[0].attributes, "retry"); }
  int64_t redo_offset() const { return integer(program_.attributes, "shared_bytes", 0) - lower::kRetryBytes; }
  int64_t cluster() const { return lower::cluster_blocks(program_.body[0]); }
  bool claims_tiles() const { return lower::claims_tiles(program_.body[0]); }
  int64_t kept_claims() const { return lower::kept_claims(program_.body[0]); }
  int64_t walk_offset() const {
    return integer(program_.attributes, "shared_bytes", 0) - lower::walk_bytes(program_.body[0]);
  }
  int64_t warps_of(std::string_view role_name) const {
    int64_t warps = 0;
    for (const Op& role : program_.body[0].body)
      if (has(role.attributes, role_name)) warps += integer(role.attributes, "warps", 0);
    return warps;
  }

  // --- roles and the walk over tiles ------
  void grid(const Op& grid) {
    grid_ = &grid;
    grid_line_ = ir_line_++;
    int64_t first_warp = 0;
    if (grid.body.size() > 1) line("const int warp = warp_index();");
    if (cluster() > 1) line(fmt::format("const int rank = block_index() % {};", cluster()));
    for (size_t i = 0; i < grid.body.size(); ++i) {
      role(grid.body[i], first_warp, i, grid.body.size());
      first_warp += integer(grid.body[i].attributes, "warps", 0);
    }
    if (grid.body.size() > 1) close();
    // No block ends while others of its cluster still arrive at its barriers.
    if (cluster() > 1) line("cluster_sync();");
    ++ir_line_;
  }
  void role(const Op& role, int64_t first_warp, size_t i, size_t count) {
    const int64_t warps = integer(role.attributes, "warps", 0);
    const int own_line = ir_line_++;
    const std::string_view name = role_kind(role);
    if (count > 1 && i == 0) open(fmt::format("if (warp < {})", first_warp + warps), own_line);
    if (count > 1 && i > 0) {
      --depth_;
      line(i + 1 < count ? fmt::format("}} else if (warp < {}) {{  // {}", first_warp + warps, name)
                         : fmt::format("}} else {{  // {}", name),
           own_line);
      ++depth_;
    }
    budget(role, name);
    if (name != "producer") consumer_state(role, warps);
    if (retried()) open_tries();
    const bool one_thread = name == "producer" && !producer_copies();
    if (one_thread) open("if (is_leader())");
    walk_tiles(role, name != "producer" ? "Reads" : one_thread ? "Claims" : "ClaimsAndReads");
    if (one_thread) close();
    if (retried()) close_tries();
    // No thread ends while copies of its own are on their way.
    if (name == "producer" && has_op("publish_copies")) line("cp_async_wait();");
    ++ir_line_;
  }
  void budget(const Op& role, std::string_view name) {
    const int64_t registers = integer(role.attributes, "regs", 0);
    if (registers > 0)
      line(fmt::format("{}_registers<{}>();", name == "producer" ? "shrink" : "grow", registers));
  }
  bool producer_copies() const { return lower::producer_copies(program_); }
  // Does the role ask whether a tile is done again?
  bool asks_for_retry(const Op& role) const {
    bool redoes = false;
    walk(role.body, [&](const Op& op) { redoes |= op.name == "redo"; });
    return redoes || names_in(role.body).contains(*retried());
  }
  void consumer_state(const Op& role, int64_t warps) {
    groups_ = static_cast<int>(warps / 4);
    const std::set<std::string> names = names_in(role.body);
    const bool turns = has(role.attributes, "pingpong");
    if (names.contains("warpgroup") || turns || has_op("join_warpgroup"))
      line("const int warpgroup = warp / 4;");
    if (turns) line(fmt::format("pingpong_open<{}>(warpgroup);", groups_));
    int ir_line = 1;
    for (const Tensor& tensor : program_.tensors) {
      ++ir_line;
      if (tensor.space == Space::register_)
        line(fmt::format("{} {};", spell_type(program_, tensor),
                         spell_tensor(program_, Space::register_, tensor.name)),
             ir_line);
    }
  }
  // Counts the walks. Where tiles are claimed each of them knows for itself whether it is the second try.
  std::string tries() const { return claims_tiles() ? "again" : spell_symbol(*retried()); }
  // All tiles, and then those that were marked once more, by the same code.
  void open_tries() {
    line("#pragma unroll 1", grid_line_);
    open(fmt::format("for (int {0} = 0;; {0} = 1)", tries()), grid_line_);
  }
  void close_tries() {
    line(fmt::format("if ({} != 0 || !any_marked<{}>(redo_mask)) break;", tries(), threads_), grid_line_);
    close();
  }
  // `who`: the part that the role has in claiming tiles.
  std::string tile_walk(const char* who) const {
    if (claims_tiles())
      return fmt::format("ClaimedWalk<{}, {}> walk{{claims{}}}", who, kept_claims(),
                         retried() ? ", again" : "");
    if (lower::lists_tiles(*grid_))
      return fmt::format("ListedWalk walk{{{}[block_index()], 0}}", lists_name());
    const std::string type = cluster() > 1 ? fmt::format("ClusterWalk<{}>", cluster()) : "TileWalk";
    return fmt::format("{} walk{{{}, 0}}", type, lower::tile_count(*grid_));
  }
  void walk_tiles(const Op& role, const char* who) {
    const bool persistent = lower::is_persistent(*grid_);
    if (persistent) open(fmt::format("for ({}; walk.valid(); walk.next())", tile_walk(who)), grid_line_);
    if (retried() && persistent)
      line(fmt::format("if ({} != 0 && !is_marked(redo_mask, walk.round)) continue;", tries()), grid_line_);
    if (retried() && claims_tiles() && asks_for_retry(role))
      line(fmt::format("const int {} = walk.redone();", spell_symbol(*retried())), grid_line_);
    const std::string own = cluster() > 1 ? fmt::format("block_index() / {}", cluster()) : "block_index()";
    line(fmt::format("const int tile = {};", persistent ? "walk.tile()" : own), grid_line_);
    round_ = persistent ? "walk.round" : "0";
    axes();
    for (const Op& op : role.body) statement(op);
    if (persistent) close();
  }
  // The grid's axes from the tile's number: the last one fastest, or the last two in bands.
  void axes() {
    const std::vector<Range>& ranges = grid_->ranges;
    const int64_t band = integer(grid_->attributes, "group", 1);
    const bool banded = band > 1 && ranges.size() >= 2;
    int64_t stride = 1;
    if (banded) stride = bands(ranges, band);
    for (size_t i = ranges.size() - (banded ? 2 : 0); i-- > 0;) {
      const int64_t count = lower::axis_count(ranges[i]);
      const std::string over = stride == 1 ? "tile" : fmt::format("tile / {}", stride);
      axis(ranges[i], count == 1 ? "0" : i == 0 ? over : fmt::format("{} % {}", over, count));
      stride *= count;
    }
  }
  // Walks `band` rows of tiles at a time, so that blocks that run together share columns in L2.
  int64_t bands(const std::vector<Range>& ranges, int64_t band) {
    const Range &row = ranges[ranges.size() - 2], &column = ranges[ranges.size() - 1];
    const int64_t rows = lower::axis_count(row), columns = lower::axis_count(column);
    line(fmt::format("const int in_plane = tile % {}, in_band = in_plane % {};", rows * columns,
                     band * columns),
         grid_line_);
    line(fmt::format("const int band = in_plane / {} * {}, band_rows = smaller({} - band, {});",
                     band * columns, band, rows, band),
         grid_line_);
    axis(row, "(band + in_band % band_rows)");
    axis(column, "(in_band / band_rows)");
    return rows * columns;
  }
  void axis(const Range& range, const std::string& index) {
    std::string place = index;
    const int64_t step = value(range.step), begin = value(range.begin);
    if (attribute(grid_->attributes, "descending") == range.name)
      place = fmt::format("({} - {})", lower::axis_count(range) - 1, place);
    if (step != 1)
      place = place.find(' ') != std::string::npos && place[0] != '(' ? fmt::format("({}) * {}", place, step)
                                                                      : fmt::format("{} * {}", place, step);
    if (begin != 0) place = fmt::format("{} + {}", begin, place);
    line(fmt::format("const int {} = {};", spell_symbol(range.name), place), grid_line_);
  }

  // --- statements ------
  void statement(const Op& op) {
    const int own_line = ir_line_++;
    if (op.name == "let") {
      line(fmt::format("const int {} = {};", spell_symbol(op.ranges[0].name), spell(op.operands[0].expr)),
           own_line);
    } else if (op.name == "for") {
      line(fmt::format("#pragma unroll {}", integer(op.attributes, "unroll", 1)));
      block(op, loop_head(op), own_line);
    } else if (op.name == "leave") {
      line(fmt::format("if ({}) break;", spell(op.operands[0].expr)), own_line);
    } else if (op.name == "if") {
      block(op, fmt::format("if ({})", spell(op.operands[0].expr)), own_line);
    } else if (op.name == "any_above") {
      const std::string vote = has(op.attributes, "seldom") ? "seldom(" + call(op) + ")" : call(op);
      block(op, fmt::format("if ({})", vote), own_line);
    } else {
      line(call(op) + ";", own_line);
    }
  }
  static std::string loop_head(const Op& op) {
    const Range& range = op.ranges[0];
    const std::string name = spell_symbol(range.name), begin = spell(range.begin), end = spell(range.end),
                      step = spell(range.step);
    return fmt::format("for (int {} = {}; {} < {}; {} += {})", name, begin, name, end, name, step);
  }
  void block(const Op& op, const std::string& head, int own_line) {
    open(head, own_line);
    for (const Op& inner : op.body) statement(inner);
    close();
    ++ir_line_;
  }
  std::string call(const Op& op) const {
    CallArguments attributes = spell_attributes(op);
    std::string arguments;
    for (size_t i = 0; i < op.operands.size(); ++i) append(arguments, operand(op, i));
    if (moves_tile(op)) append(arguments, coordinates(global_operand(op)));
    append(arguments, attributes.last);
    for (std::string_view name : find_op(op.name)->implied)
      append(name == "warpgroups" ? attributes.in_template : arguments, implied(name));
    return fmt::format("{}{}({})", op.name,
                       attributes.in_template.empty() ? "" : "<" + attributes.in_template + ">", arguments);
  }
  std::string implied(std::string_view name) const {
    if (name == "warpgroups") return number_to_text(groups_);
    if (name == "round") return round_;
    return name == "retry" ? spell_symbol(*retried()) : std::string(name);
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
  std::vector<KernelParameter> parameters_;
  const Op* grid_ = nullptr;
  std::string text_, round_;
  std::vector<int> lines_;
  int depth_ = 0, ir_line_ = 0, grid_line_ = 0, groups_ = 1, threads_ = 128;
};

}  // namespace

CudaSource emit(const Program& program, const Target& target, const std::vector<std::string>& title) {
  return Emitter(program, target).run(title);
}

}  // namespace warpfinch::emit

// The genes of each kernel of a plan. A gene stands for one config field, in field order, so that a genome
// decodes by position.
#include "generator/config_space.hpp"

#include <algorithm>
#include <cassert>

#include "generator/builders.hpp"
#include "generator/text.hpp"

namespace warpfinch {
namespace {

std::vector<std::string> numbers(std::initializer_list<int> values) {
  std::vector<std::string> texts;
  for (int value : values) texts.push_back(number_to_text(value));
  return texts;
}

template <class Enum>
std::vector<std::string> every_value() {
  return {EnumNames<Enum>::names.begin(), EnumNames<Enum>::names.end()};
}

// --- domains ------------------------------------------------------------------------------------------
// Turns around the exponentials were slower wherever they were measured on Hopper: they are for other chips,
// and for users who name them.
const std::vector<std::string> kBatonDomain{"none", "issue"};
// The copy path is one value: tma wherever its rules allow. Only a typed config asks for another: threads
// that copy cost registers and issue slots, which a search would find out anew for every shape.
const std::vector<std::string> kCopyDomain{"auto"}, kOwnCopyDomain{"same"};
// Narrower panels are as free of bank conflicts, and cost the copy engine more boxes.
const std::vector<std::string> kSwizzleDomain{"widest"};
// Less accurate than the problem asks for: only who types it gets it.
const std::vector<std::string> kScaleQDomain{"false"};
// No measurement on Hopper found the polynomial faster than ex2; other chips will want it.
const std::vector<std::string> kPolynomialDomain{"0"};
// What is derived leaves the consumers most.
const std::vector<std::string> kProducerRegsDomain{"0"};

std::vector<Gene> domains(const Gemm&, const Target&) {
  return {{"consumers", numbers({1, 2, 3, 4})},
          {"n_tile", numbers({32, 64, 96, 128, 160, 192, 224, 256})},
          {"k_tile", numbers({32, 64, 128})},
          {"stages", numbers({2, 3, 4, 5, 6})},
          {"group", numbers({1, 4, 8, 16})},
          {"tile_order", {"flat", "static", "dynamic"}},  // all tiles are equally long
          {"copy", kCopyDomain}};
}

std::vector<Gene> domains(const Softmax&, const Target&) {
  return {{"warps", numbers({1, 2, 4, 8})},
          {"column_tile", numbers({64, 128, 256, 512})},
          {"tile_order", {"flat", "static"}}};  // nobody would claim tiles: it has no producer
}

// Packing is for row tiles that the queries of one head would not fill, splits for grids that would leave
// multiprocessors idle.
std::vector<std::string> pack_gqa_domain(const AttentionFields& fields) {
  constexpr int64_t kFewQueries = 64;
  if (fields.q_heads == fields.kv_heads || fields.q_len >= kFewQueries) return {"false"};
  return {"false", "true"};
}
std::vector<std::string> kv_splits_domain(const AttentionFields& fields, const Target& target) {
  const int64_t row_tiles = (fields.q_heads / fields.kv_heads * fields.q_len + 63) / 64;
  if (fields.batch * fields.kv_heads * row_tiles >= target.multiprocessors) return {"1"};
  constexpr int64_t kFewKeys = 128;  // of a split
  std::vector<std::string> values{"1"};
  for (int splits = 2; splits <= 64 && fields.kv_len / splits >= kFewKeys; splits *= 2)
    values.push_back(number_to_text(splits));
  return values;
}

// Where everything fits into L2 nothing has to be kept. A half of the hints is for who types it.
std::vector<std::string> cache_domain(const AttentionFields& fields, const Target& target) {
  if (bytes(AttentionForward{fields}) <= target.l2_bytes) return {"none"};
  return {"none", "keep_kv"};
}

// The same holds for the walk over heads.
std::vector<std::string> head_group_domain(const AttentionFields& fields, const Target& target) {
  std::vector<std::string> values{"0"};
  if (bytes(AttentionForward{fields}) <= target.l2_bytes || !row_tiles_differ(fields)) return values;
  for (const int heads : {2, 4, 8, 16})
    if (fields.q_heads % heads == 0) values.push_back(number_to_text(heads));
  return values;
}

std::vector<std::string> tile_order_domain(const AttentionFields& fields) {
  if (row_tiles_differ(fields)) return every_value<TileOrder>();
  return {"flat", "static", "dynamic"};
}

// Up to as many blocks as there could be row tiles.
std::vector<std::string> cluster_domain(const AttentionFields& fields) {
  const int64_t row_tiles = (fields.q_len + 63) / 64;
  std::vector<std::string> values{"1"};
  for (int blocks : {2, 4})
    if (blocks <= row_tiles) values.push_back(number_to_text(blocks));
  return values;
}

std::vector<Gene> domains(const AttentionFields& fields, const Target& target) {
  const std::initializer_list<int> key_tiles{32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192};
  const bool ends = band(fields).last.has_value();
  return {{"consumers", numbers({1, 2, 3, 4})},
          {"key_tile", numbers(key_tiles)},
          {"k_stages", numbers({1, 2, 3, 4})},
          {"v_stages", numbers({1, 2, 3, 4})},
          {"order", every_value<Order>()},
          {"baton", kBatonDomain},
          {"reference", every_value<Reference>()},
          {"tile_order", tile_order_domain(fields)},
          {"mask_loop", every_value<MaskLoop>()},
          {"copy", kCopyDomain},
          {"staging", every_value<Staging>()},
          {"extents", ends ? every_value<Extents>() : std::vector<std::string>{"block"}},
          {"blocks", numbers({1, 2, 3})},
          {"stage_tiles", numbers({1, 2})},
          {"pack_gqa", pack_gqa_domain(fields)},
          {"kv_splits", kv_splits_domain(fields, target)},
          {"q_stages", numbers({1, 2})},
          {"settle", every_value<Settle>()},
          {"q_in", every_value<QueryPlace>()},
          {"cache", cache_domain(fields, target)},
          {"head_group", head_group_domain(fields, target)},
          {"p_in", every_value<WeightPlace>()},
          {"scale_q", kScaleQDomain},
          {"cluster", cluster_domain(fields)},
          {"polynomial", kPolynomialDomain},
          {"producer_regs", kProducerRegsDomain},
          {"q_copy", kOwnCopyDomain},
          {"kv_copy", kOwnCopyDomain},
          {"swizzle", kSwizzleDomain}};
}

// The domain that a field's name has in `known`; every field of a config is a gene.
std::vector<std::string> values_of(const std::vector<Gene>& known, std::string_view name) {
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const Gene& gene) { return gene.name == name; });
  assert(found != known.end());
  return found->values;
}

// Calls visit(part, field) for every field of every kernel, in the order of the genes.
template <class SomeConfig, class Visitor>
void for_each_gene(SomeConfig& config, Visitor&& visit) {
  for (auto& kernel : config.kernels)
    std::visit(
        [&](auto& part) {
          for_each_field<std::decay_t<decltype(part)>>([&](const auto& field) { visit(part, field); });
        },
        kernel);
}

}  // namespace

std::vector<Problem> kernel_problems(const Problem& problem) {
  const auto* f = std::get_if<AttentionThreeKernel>(&problem);
  if (!f) return {problem};
  Gemm scores{.batch = f->batch * f->q_heads,
              .m = f->q_len,
              .n = f->kv_len,
              .k = f->head_dim,
              .dtype = f->dtype,
              .output = DataType::fp32};
  Softmax weights{.batch = scores.batch,
                  .rows = f->q_len,
                  .columns = f->kv_len,
                  .dtype = DataType::fp32,
                  .mask = f->mask,
                  .scale = effective_scale(*f)};
  Gemm values{.batch = scores.batch,
              .m = f->q_len,
              .n = effective_value_dim(*f),
              .k = f->kv_len,
              .dtype = f->dtype,
              .output = f->dtype,
              .layout = GemmLayout::nn};
  return {scores, weights, values};
}

ConfigSpace config_space(const Problem& problem, const Target& target) {
  ConfigSpace space{problem, target, {}};
  const Config form = default_config(problem);
  const std::vector<Problem> parts = kernel_problems(problem);
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::vector<Gene> known =
        std::visit([&](const auto& part) { return domains(part, target); }, parts[i]);
    const std::string prefix = parts.size() == 1 ? "" : fmt::format("{}.", i);
    const Config kernel{{form.kernels[i]}};
    for_each_gene(kernel, [&](const auto&, const auto& field) {
      space.genes.push_back({prefix + std::string(field.name), values_of(known, field.name)});
    });
  }
  return space;
}

double size(const ConfigSpace& space) {
  double points = 1;
  for (const Gene& gene : space.genes) points *= static_cast<double>(gene.values.size());
  return points;
}

Config decode(const ConfigSpace& space, const Genome& genome) {
  assert(genome.size() == space.genes.size());
  Config config = default_config(space.problem);
  size_t gene = 0;
  for_each_gene(config, [&](auto& part, const auto& field) {
    std::string wanted;
    const std::string& text = space.genes[gene].values[static_cast<size_t>(genome[gene])];
    [[maybe_unused]] const bool fits = value_from_text(text, part.*field.member, wanted);
    assert(fits);
    ++gene;
  });
  return config;
}

std::optional<Genome> encode(const ConfigSpace& space, const Config& config) {
  const Config form = default_config(space.problem);
  if (config.kernels.size() != form.kernels.size()) return std::nullopt;
  for (size_t i = 0; i < form.kernels.size(); ++i)
    if (config.kernels[i].index() != form.kernels[i].index()) return std::nullopt;
  Genome genome;
  bool inside = true;
  for_each_gene(config, [&](const auto& part, const auto& field) {
    const std::vector<std::string>& values = space.genes[genome.size()].values;
    const auto found = std::find(values.begin(), values.end(), value_to_text(part.*field.member));
    inside = inside && found != values.end();
    genome.push_back(static_cast<int>(found - values.begin()));
  });
  return inside ? std::optional(genome) : std::nullopt;
}

}  // namespace warpfinch

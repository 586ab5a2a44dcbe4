// Survivors that are no faults, each with the argument.
#include <regex>

#include "tools/mutants/mutant.hpp"

namespace warpfinch::mutants {
namespace {

struct Argued {
  const char* original;  // regular expressions, over the whole of each
  const char* fault;
  const char* line;  // Mutant::before
  const char* why;
  const char* behind = ".*";  // Mutant::behind
};

constexpr const char* kAny = ".*";
constexpr const char* kPingpongJoins =
    "pingpong_wait follows at once: its bar.sync hands what lane 0 learnt to the whole warpgroup";

constexpr Argued kArgued[] = {
    {kAny, "release without joining the warp", kAny,
     "the stage was read by wgmma or the copy engine only, and the whole warp waited for that together "
     "(wgmma.wait_group.sync.aligned, or wait_store, which joins): no lane is behind lane 0"},
    {"attention_.*", "fence_mma removed", kAny,
     "the registers were last touched before the fence of the product issued just before: nothing stands "
     "between the two products that touches a register"},
    {"attention_(pv_first|softmax_first|ld)", "commit_mma removed", kAny,
     "no wait stands between this commit and the next, which closes one group over both products; "
     "wait_mma<0> covers both"},
    {"attention_(pingpong|p_shared|claims)", "wait by one lane only", "wait\\(k_ring\\);", kPingpongJoins},
    {"attention_softmax_first", "wait by one lane only", "wait\\(v_ring\\);", kPingpongJoins},
    {"attention_softmax_first", "acquire does not wait|arrivals at empty -1",
     "(acquire<\\d+>|initialize)\\(q_ring.*",
     "the rings of k and v hold fewer keys than a tile has, so that the producer has waited for keys of the "
     "next tile, which every consumer warp releases behind this q, before it loads over it"},
    {"attention_(softmax_first|claims)", "pingpong_pass to oneself", kAny,
     "a warpgroup keeps the turn over the plain loop and hands it on in the loop behind: arrivals still "
     "pair, the rings hold what the other has not read yet, and nothing but speed depends on the order"},
    {"attention_cp_async", "wait by one lane only", "wait\\([kv]_ring\\);",
     "fence_async follows at once, which joins the warp: what lane 0 learnt, all lanes know"},
    {"attention_cp_async", "fence_async without joining the warp", kAny,
     "every lane has waited for the copies itself, and fences what it saw"},
    {"attention_cp_async", "wait removed|wait by one lane only|publish_copies before they land",
     "(wait|publish_copies)\\(q_ring\\);",
     "each thread of the producer publishes k behind q, and its copies of q land before that arrival; "
     "consumers wait for k as well when they read q"},
    {"attention_p_shared", "join_warpgroup without joining the others", kAny,
     "each warp's share of the product reads its own 16 rows of P, which its own lanes stored; the barrier "
     "is there because the ISA does not promise which warp reads which rows"},
    {"attention_p_shared", "swizzle of the staging tile", "const SharedTile<.*> p_shared.*",
     "threads write this tile and wgmma reads it, both by this declaration"},
    {"gemm_static|three_kernel", "acquire does not wait", "acquire<\\d+>\\(b_ring\\);",
     "consumers release b before a, and the producer has just waited for a's stage of the same step"},
    {"gemm_ld", "acquire removed", "acquire\\(b_ring\\);",
     "consumers release b before a, and the producer has just waited for a's stage of the same step"},
    {"attention_.*", "acquire does not wait|acquire removed", "acquire(<\\d+>)?\\(k_ring\\);",
     "the tile's first keys: the producer has just waited for the query tile, which consumers release behind "
     "the last keys of the tile before",
     "advance\\(q_ring\\);"},
    {"attention_pingpong", "acquire does not wait", "acquire<\\d+>\\(k_ring\\);",
     "the ragged last keys k(5): a consumer releases k(1), whose stage they take, before v(0), for which the "
     "producer has just waited when it loaded v(3)",
     "advance\\(v_ring\\);"},
    {"attention_pv_first", "acquire does not wait", "acquire<\\d+>\\(v_ring\\);",
     "v has a stage more than k: a consumer releases v(n-3) before k(n-2), for which the producer waited "
     "when it loaded k(n), before v(n)"},
    {"attention_ld", "acquire removed", "acquire\\(v_ring\\);",
     "a consumer releases v(n-3) before k(n-2), for which the producer waited when it loaded k(n), just "
     "before v(n-1)"},
    {"(gemm|attention)_ld|attention_cp_async", "mbarrier_init_fence removed", kAny,
     "no copy engine touches these barriers: block_sync makes the initialisation visible to all threads"},
    {"(gemm|attention)_ld", "wait removed|wait by one lane only|publish without fence", kAny,
     "each thread of the producer publishes this tile before another one that consumers have waited for as "
     "well when they read it: that fence and arrival cover both"},
    {"(gemm|attention)_ld|attention_cp_async", "arrivals at full -1", "initialize\\((a|q)_ring, 128, .*",
     "the other ring's arrivals come behind these and are waited for too; 127 in place of 128 puts the phase "
     "ahead only when a stage was used 127 times, and this grid uses each less often"},
};

bool fits(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern));
}

}  // namespace

std::string why_equivalent(const Mutant& mutant) {
  for (const Argued& argued : kArgued)
    if (fits(mutant.original, argued.original) && fits(mutant.fault, argued.fault) &&
        fits(mutant.before, argued.line) && fits(mutant.behind, argued.behind))
      return argued.why;
  return {};
}

}  // namespace warpfinch::mutants

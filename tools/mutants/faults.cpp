#include "tools/mutants/faults.hpp"

#include <fmt/format.h>

#include "generator/text.hpp"

namespace warpfinch::mutants {
namespace {

Fault removed(const std::string& what, const char* pattern) {
  return {what + " removed", std::regex(pattern), [](const std::smatch&) { return std::string(";"); }};
}

// `format` is std::regex_replace's: $1 is the pattern's first group.
Fault replaced(const char* name, const char* pattern, const std::string& format) {
  return {name, std::regex(pattern), [format](const std::smatch& match) { return match.format(format); }};
}

// The pattern's second group is a number, between the first and the third.
Fault counted(const std::string& name, const char* pattern, int difference) {
  return {fmt::format("{} {:+}", name, difference), std::regex(pattern), [difference](const std::smatch& m) {
            return m.str(1) + number_to_text(*number_from_text<int>(m.str(2)) + difference) + m.str(3);
          }};
}

const char* const kWait = R"(wait\((\w+_ring)\);$)";
const char* const kRelease = R"(release\((\w+_ring)\);$)";
const char* const kAcquireBytes = R"(acquire<(\d+)>\((\w+_ring)\);$)";
const char* const kInitialize = R"((initialize\(\w+_ring, )(\d+)(, \d+\);))";

std::vector<Fault> producer_faults() {
  return {
      removed("acquire", R"(acquire(<\d+>)?\(\w+_ring\);$)"),
      replaced("acquire does not wait", kAcquireBytes,
               "if (is_leader()) mbarrier_arrive_expect($2.full(), $1);"),
      replaced("acquire waits for the other parity", kAcquireBytes,
               "if (is_leader()) { mbarrier_wait($2.empty(), $2.phase); "
               "mbarrier_arrive_expect($2.full(), $1); }"),
      replaced("acquire announces nothing", kAcquireBytes,
               "if (is_leader()) { acquire($2); mbarrier_arrive($2.full()); }"),
      counted("announced bytes", R"((acquire<)(\d+)(>\(\w+_ring\);)$)", 16),
      counted("announced bytes", R"((acquire<)(\d+)(>\(\w+_ring\);)$)", -16),
      removed("publish", R"(publish\(\w+_ring\);$)"),
      removed("publish_copies", R"(publish_copies\(\w+_ring\);$)"),
      replaced("publish_copies before they land", R"(publish_copies\((\w+_ring)\);$)",
               "mbarrier_arrive($1.full());"),
      replaced("publish_copies by one warp too few", R"(publish_copies\((\w+_ring)\);$)",
               "if (thread_index() % 128 >= 32) publish_copies($1);"),
      replaced("publish without fence", R"(publish\((\w+_ring)\);$)", "mbarrier_arrive($1.full());"),
      replaced("publish by one warp too few", R"(publish\((\w+_ring)\);$)",
               "if (thread_index() % 128 >= 32) publish($1);"),
      removed("advance", R"(advance\(\w+_ring\);$)"),
  };
}

std::vector<Fault> consumer_faults() {
  return {
      removed("wait", kWait),
      replaced("wait for the other parity", kWait, "mbarrier_wait($1.full(), $1.phase ^ 1);"),
      replaced("wait by one lane only", kWait, "if (lane_index() == 0) wait($1);"),
      removed("release", kRelease),
      replaced("release without arrival", kRelease, "$1.next();"),
      replaced("release arrives twice", kRelease,
               "if (lane_index() == 0) mbarrier_arrive($1.empty()); release($1);"),
      replaced("release by one warp too few", kRelease, "if (warp != 0) release($1); else $1.next();"),
      replaced("release without joining the warp", kRelease,
               "if (lane_index() == 0) mbarrier_arrive($1.empty()); $1.next();"),
      removed("pingpong_open", R"(pingpong_open<\d+>\(warpgroup\);$)"),
      removed("pingpong_wait", R"(pingpong_wait\(warpgroup\);$)"),
      removed("pingpong_pass", R"(pingpong_pass<\d+>\(warpgroup\);$)"),
      replaced("pingpong_wait by a wrong count", R"(pingpong_wait\(warpgroup\);$)",
               "named_sync(1 + warpgroup, 384);"),
      replaced("pingpong_pass by one warp too few", R"(pingpong_pass<(\d+)>\(warpgroup\);$)",
               "if (warp % 4 != 0) pingpong_pass<$1>(warpgroup);"),
      replaced("pingpong_pass to oneself", R"(pingpong_pass<(\d+)>\(warpgroup\);$)",
               "named_arrive(1 + warpgroup, 256);"),
      replaced("half a warp", R"((row_max|row_total|reference|commit_mma)(<.*>)?\()",
               "if (lane_index() < 16) $1$2("),
  };
}

// Steps of a walk over claimed tiles (claim.cuh), written out but for one of their parts.
std::vector<Fault> claim_faults() {
  const char* const reads = R"((for \(ClaimedWalk<Reads, .*; )walk\.next\(\)\))";
  const char* const claims = R"((for \(ClaimedWalk<Claims, .*; )walk\.next\(\)\))";
  const std::string wait = "mbarrier_wait(claims.full(walk.round), claims.parity(walk.round)), ",
                    read = "walk.number = ld_shared(claims.number(walk.round)), ",
                    free = "lane_index() == 0 ? mbarrier_arrive(claims.empty(walk.round)) : void(), ",
                    acquire = "mbarrier_wait(claims.empty(walk.round), claims.parity(walk.round) ^ 1), ",
                    claim = "walk.number = claims.claim(walk.number), ",
                    write = "st_shared(claims.number(walk.round), walk.number), ",
                    publish = "mbarrier_arrive(claims.full(walk.round)), ";
  const auto steps = [](const std::string& text) { return "$1" + text + "++walk.round)"; };
  const std::string no_wait = steps(read + "warp_sync(), " + free), no_arrival = steps(wait + read),
                    no_join = steps(wait + read + free), no_acquire = steps(claim + write + publish),
                    too_early = steps(acquire + claim + publish + write);
  return {
      replaced("claim read without waiting", reads, no_wait),
      replaced("claim read without arrival", reads, no_arrival),
      replaced("claim read without joining the warp", reads, no_join),
      replaced("claim written over one that is not read", claims, no_acquire),
      replaced("claim published before it is written", claims, too_early),
      removed("initialize claims", R"(initialize_claims\(\d+, claims\);$)"),
      counted("warps that read claims", R"((initialize_claims\()(\d+)(, claims\);$))", 1),
      counted("warps that read claims", R"((initialize_claims\()(\d+)(, claims\);$))", -1),
  };
}

std::vector<Fault> mma_faults() {
  return {
      removed("fence_mma", R"(fence_mma\([^;]*\);$)"),
      removed("commit_mma", R"(commit_mma\(\);$)"),
      removed("wait_mma", R"(wait_mma<\d+>\([^;]*\);$)"),
      counted("groups in flight at wait_mma", R"((wait_mma<)(\d+)(>\([^;]*\);$))", 1),
  };
}

std::vector<Fault> launch_faults() {
  return {
      removed("fence_async", R"(fence_async\(\);$)"),
      replaced("fence_async without joining the warp", R"(fence_async\(\);$)", "proxy_fence();"),
      replaced("fence_async without the fence", R"(fence_async\(\);$)", "warp_sync();"),
      removed("wait_store", R"(wait_store\(\);$)"),
      removed("initialize", R"(initialize\(\w+_ring, \d+, \d+\);$)"),
      counted("arrivals at full", kInitialize, 1),
      counted("arrivals at full", kInitialize, -1),
      counted("arrivals at empty", R"((initialize\(\w+_ring, \d+, )(\d+)(\);))", 1),
      counted("arrivals at empty", R"((initialize\(\w+_ring, \d+, )(\d+)(\);))", -1),
      removed("mbarrier_init_fence", R"(mbarrier_init_fence\(\);$)"),
      removed("block_sync", R"(block_sync\(\);$)"),
      removed("cluster_sync", R"(cluster_sync\(\);$)"),
      removed("join_warpgroup", R"(join_warpgroup\(warpgroup\);$)"),
      replaced("join_warpgroup without the fence", R"(join_warpgroup\(warpgroup\);$)",
               "named_sync(kJoinBarriers + warpgroup, 128);"),
      replaced("join_warpgroup without joining the others", R"(join_warpgroup\(warpgroup\);$)",
               "proxy_fence();"),
      replaced("registers that are not there", R"(grow_registers<\d+>\(\);)", "grow_registers<248>();"),
      removed("shrink_registers", R"(shrink_registers<\d+>\(\);)"),
      replaced("swizzle of the staging tile", R"(const (SharedTile<\w+, \d+, \d+), 128>)", "const $1, 64>"),
  };
}

}  // namespace

const std::vector<Fault>& line_faults() {
  static const std::vector<Fault> all = [] {
    std::vector<Fault> faults;
    for (auto part : {producer_faults, consumer_faults, claim_faults, mma_faults, launch_faults})
      for (Fault& fault : part()) faults.push_back(std::move(fault));
    return faults;
  }();
  return all;
}

// A fault of 0 stages or arrivals is none that the generator could make, but the emulator has to see it too.
std::vector<RingDeclaration> rings_of(const std::vector<std::string>& lines) {
  static const std::regex kRing(
      R"((\w*Ring)<SharedTile<(\w+), (\d+, \d+), (\d+)>, (\d+), (\d+)(, \d+)?> (\w+)\{(.*), 0, 0\};)");
  std::vector<RingDeclaration> rings;
  std::smatch m;
  for (const std::string& line : lines)
    if (std::regex_search(line, m, kRing))
      rings.push_back({m.str(8), m.str(1), m.str(7), m.str(2), m.str(3), m.str(4), m.str(9),
                       *number_from_text<int>(m.str(5)), *number_from_text<int>(m.str(6))});
  return rings;
}

std::vector<RingFault> ring_faults(const RingDeclaration& ring) {
  // The role's own ring hides the kernel's.
  const auto own = [&](const std::string& swizzle, int stages) {
    return fmt::format("{}<SharedTile<{}, {}, {}>, {}, {}{}> {}{{{}, 0, 0}};", ring.kind, ring.type,
                       ring.shape, swizzle, stages, ring.stage_bytes, ring.blocks, ring.name,
                       ring.initializer);
  };
  std::vector<RingFault> faults = {
      {"parity flipped for one role", ring.name + ".phase ^= 1;"},
      {"one stage too many for one role", own(ring.swizzle, ring.stages + 1)},
      {"another swizzle for one role", own(ring.swizzle == "64" ? "32" : "64", ring.stages)},
  };
  if (ring.stages > 1)
    faults.push_back({"one stage too few for one role", own(ring.swizzle, ring.stages - 1)});
  return faults;
}

}  // namespace warpfinch::mutants

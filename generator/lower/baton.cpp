// baton: with baton=issue the consumer warpgroups take turns in issuing the mma ops of the loop: the baton is
// waited for before the first fence of the loop's body and passed on behind its last commit, so that one
// warpgroup's softmax runs beside the other's mma. Every warpgroup passes it equally often, because loops
// that hold it have bounds that do not depend on the warpgroup (the verifier checks that). Requires:
// synchronised mma ops. Leaves: balanced baton_wait and baton_pass.
#include <algorithm>

#include "generator/lower/passes.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

bool wrap_loops(std::vector<Op>& body) {
  bool wrapped = false;
  for (Op& loop : body) {
    if (loop.name != "for") continue;
    wrapped |= wrap_loops(loop.body);
    const auto first =
        std::find_if(loop.body.begin(), loop.body.end(), [](const Op& op) { return op.name == "fence_mma"; });
    if (first == loop.body.end()) continue;
    loop.body.insert(first, op("baton_wait", {}));
    const auto last = std::find_if(loop.body.rbegin(), loop.body.rend(),
                                   [](const Op& op) { return op.name == "commit_mma"; });
    loop.body.insert(last.base(), op("baton_pass", {}));
    wrapped = true;
  }
  return wrapped;
}

}  // namespace

Lowered baton(const Program& program, const Target&) {
  Program result = program;
  const std::string mode = attribute(program.attributes, "baton").value_or("none");
  remove(result.attributes, "baton");
  if (mode == "none") return result;
  if (mode != "issue") return Rejection{"baton", "baton=" + mode + ": known are none, issue"};
  for (Op& grid : result.body)
    for (Op& role : grid.body) {
      if (!has(role.attributes, "consumer")) continue;
      if (integer(role.attributes, "warps", 0) < 8)
        return Rejection{"baton", "a baton needs at least two consumer warpgroups, the program has one"};
      if (wrap_loops(role.body)) set(role.attributes, "baton");
    }
  return result;
}

}  // namespace warpfinch::lower

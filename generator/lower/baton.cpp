// baton: with baton=issue the consumer warpgroups take turns in issuing the mma ops of the loop: the baton is
// waited for before the first fence of each batch and passed on behind its last commit, so that one
// warpgroup's softmax runs beside the other's mma. Every warpgroup passes it equally often, because only
// loops hold it whose bounds do not depend on the warpgroup (the verifier checks that). Requires:
// synchronised mma ops. Leaves: balanced baton_wait and baton_pass.
#include <algorithm>

#include "generator/lower/passes.hpp"
#include "generator/lower/uneven.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

bool ends_issue(const Op& op) { return op.name == "wait_mma" || op.name == "leave" || !op.body.empty(); }

// Around each run of fences, mma ops and commits that no wait interrupts.
bool wrap(std::vector<Op>& body) {
  bool wrapped = false;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i].name != "fence_mma") continue;
    size_t last = i;
    for (size_t j = i; j < body.size() && !ends_issue(body[j]); ++j)
      if (body[j].name == "commit_mma") last = j;
    body.insert(body.begin() + static_cast<std::ptrdiff_t>(last) + 1, op("baton_pass", {}));
    body.insert(body.begin() + static_cast<std::ptrdiff_t>(i), op("baton_wait", {}));
    i = last + 2;
    wrapped = true;
  }
  return wrapped;
}

bool wrap_loops(std::vector<Op>& body, Uneven uneven = {}) {
  bool wrapped = false;
  for (Op& op : body) {
    uneven.note(op);
    if (op.name == "for" && !uneven.depends(op)) wrapped |= wrap_loops(op.body, uneven) | wrap(op.body);
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

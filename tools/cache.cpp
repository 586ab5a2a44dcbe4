// warpfinch cache prune: keeps the folder of compiled kernels small.
#include "runtime/kernel_cache.hpp"
#include "tools/command.hpp"
#include "tools/files.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"

namespace warpfinch {
namespace {

struct Options {
  std::string limit = "0";
  bool json = false;
};

int prune(const Options& options) {
  const int64_t limit = parse_bytes(options.limit, "--limit");
  KernelCache cache;
  const KernelCache::Pruned pruned = cache.prune(limit);
  if (options.json)
    print_json({{"directory", cache.directory().string()}, {"files", pruned.files}, {"bytes", pruned.bytes}});
  else
    print_out("removed {} files, {} bytes from {}\n", pruned.files, pruned.bytes,
              cache.directory().empty()
                  ? "no cache (none of WARPFINCH_CACHE_DIR, XDG_CACHE_HOME, HOME is set)"
                  : cache.directory().string());
  return 0;
}

}  // namespace

Command add_cache(CLI::App& program) {
  CLI::App* app = program.add_subcommand("cache", "The folder of compiled kernels");
  // That one is there is looked at when it runs, so that an unknown word gets its own message.
  app->require_subcommand(0, 1);
  CLI::App* prune_app = app->add_subcommand("prune", "Remove the least recently used kernels");
  auto options = std::make_shared<Options>();
  prune_app->add_option("--limit", options->limit, "Bytes to leave, e.g. 512M; 0 removes all")
      ->capture_default_str();
  add_json_option(*prune_app, options->json);
  return {app, [=] {
            if (!prune_app->parsed()) fail_input("cache: a command is missing: prune");
            return prune(*options);
          }};
}

}  // namespace warpfinch

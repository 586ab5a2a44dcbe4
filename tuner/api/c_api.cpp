// The C interface but for tuning: each call checks its arguments and hands over to the engine.
#include <fmt/format.h>

#include "generator/generate.hpp"
#include "runtime/log.hpp"
#include "tuner/api/boundary.hpp"

namespace warpfinch {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

void require(const void* argument, const char* function, const char* name) {
  if (!argument) fail_input(fmt::format("{}: '{}' is null", function, name));
}

namespace {

std::string_view text_or_empty(const char* text) { return text ? text : ""; }

// The engine of this moment; tuning may replace it meanwhile.
std::shared_ptr<Engine> current(wf_engine_s& handle) {
  const std::lock_guard lock(handle.mutex);
  return handle.engine;
}

Plan generate_text(std::string_view problem_text, std::string_view config_text, const Target& target) {
  const Problem problem = parse_problem(problem_text);
  const Choice choice = choose_config(problem, config_text, target, {}, {});
  Expected<Plan> plan = generate(problem, choice.config, target);
  if (!plan)
    fail_input(fmt::format("{}: config {}: {}: {}", to_text(problem), to_text(choice.config),
                           plan.rejection().stage, plan.rejection().reason));
  return std::move(*plan);
}

wf_buffer describe(const Buffer& buffer) {
  return {.name = buffer.name.c_str(),
          .dtype = to_text(buffer.type).data(),  // of a literal, so it ends with a zero
          .rank = static_cast<int>(buffer.shape.size()),
          .shape = buffer.shape.data(),
          .strides = buffer.strides.data(),
          .bytes = extent(buffer) * size_of(buffer.type),
          .alignment = buffer.alignment,
          .is_output = buffer.output};
}

[[noreturn]] void refuse_index(const char* function, size_t index, size_t count, const char* what) {
  fail_input(fmt::format("{}: no {} {}, the plan has {} (0 to {})", function, what, index, count, count - 1));
}

// The user's own database is a help and no condition: where there is no place for it, plans come without.
std::shared_ptr<Engine> open_with_own_database(const char* device, const std::filesystem::path& file) {
  try {
    return Engine::open(device, file);
  } catch (const Error& error) {
    std::error_code ignored;
    if (error.kind != ErrorKind::environment || std::filesystem::exists(file, ignored)) throw;
    std::shared_ptr<Engine> engine = Engine::open(device, {});
    logger()->warn("no database: {}", error.what());
    return engine;
  }
}

DevicePointer address(const void* pointer) { return reinterpret_cast<DevicePointer>(pointer); }

}  // namespace
}  // namespace warpfinch

using namespace warpfinch;

const char* wf_version(void) { return WARPFINCH_VERSION; }
const char* wf_last_error(void) { return last_error().c_str(); }

// --- engine --------------------------------------------------------------------------------------------
wf_status wf_engine_open(const char* device, const char* database_path, wf_engine_t** engine) {
  if (engine) *engine = nullptr;
  return guarded([&] {
    require(engine, "wf_engine_open", "engine");
    require(device, "wf_engine_open", "device");
    auto handle = std::make_unique<wf_engine_s>();
    handle->database = database_path ? std::filesystem::path(database_path) : ConfigDatabase::default_file();
    handle->engine = database_path ? Engine::open(device, handle->database)
                                   : open_with_own_database(device, handle->database);
    *engine = handle.release();
  });
}

void wf_engine_close(wf_engine_t* engine) { delete engine; }

// --- plans ---------------------------------------------------------------------------------------------
wf_status wf_plan(wf_engine_t* engine, const char* problem_text, const char* config_text, wf_plan_t** plan) {
  if (plan) *plan = nullptr;
  return guarded([&] {
    require(engine, "wf_plan", "engine");
    require(problem_text, "wf_plan", "problem_text");
    require(plan, "wf_plan", "plan");
    auto handle = std::make_unique<wf_plan_s>();
    handle->loaded = current(*engine)->plan(problem_text, text_or_empty(config_text));
    *plan = handle.release();
  });
}

wf_status wf_generate(const char* problem_text, const char* config_text, const char* target,
                      wf_plan_t** plan) {
  if (plan) *plan = nullptr;
  return guarded([&] {
    require(problem_text, "wf_generate", "problem_text");
    require(plan, "wf_generate", "plan");
    auto handle = std::make_unique<wf_plan_s>();
    handle->generated = generate_text(problem_text, text_or_empty(config_text),
                                      target_by_name(target && *target ? target : "sm_90a"));
    *plan = handle.release();
  });
}

void wf_plan_close(wf_plan_t* plan) { delete plan; }

const char* wf_plan_problem(const wf_plan_t* plan) { return plan ? plan->plan().problem.c_str() : nullptr; }
const char* wf_plan_config(const wf_plan_t* plan) { return plan ? plan->plan().config.c_str() : nullptr; }
double wf_plan_flops(const wf_plan_t* plan) { return plan ? plan->plan().flops : 0; }
size_t wf_plan_buffer_count(const wf_plan_t* plan) { return plan ? plan->plan().buffers.size() : 0; }
size_t wf_plan_kernel_count(const wf_plan_t* plan) { return plan ? plan->plan().launches.size() : 0; }

wf_status wf_plan_buffer(const wf_plan_t* plan, size_t index, wf_buffer* buffer) {
  return guarded([&] {
    require(plan, "wf_plan_buffer", "plan");
    require(buffer, "wf_plan_buffer", "buffer");
    const std::vector<Buffer>& buffers = plan->plan().buffers;
    if (index >= buffers.size()) refuse_index("wf_plan_buffer", index, buffers.size(), "buffer");
    *buffer = describe(buffers[index]);
  });
}

const char* wf_plan_cuda(const wf_plan_t* plan, size_t index) {
  const char* text = nullptr;
  guarded([&] {
    require(plan, "wf_plan_cuda", "plan");
    const std::vector<Launch>& launches = plan->plan().launches;
    if (index >= launches.size()) refuse_index("wf_plan_cuda", index, launches.size(), "kernel");
    // Behind the const handle only this text is ever made late, once.
    auto& handle = const_cast<wf_plan_s&>(*plan);
    std::call_once(handle.inlined, [&] {
      std::vector<std::string> texts;
      for (const Launch& launch : launches) texts.push_back(inlined(launch.source));
      handle.cuda = std::move(texts);
    });
    text = handle.cuda[index].c_str();
  });
  return text;
}

// --- launching -----------------------------------------------------------------------------------------
size_t wf_workspace_size(const wf_plan_t* plan) {
  return plan ? static_cast<size_t>(plan->plan().workspace_bytes) : 0;
}

wf_status wf_launch(const wf_plan_t* plan, void* const* buffers, size_t count, void* workspace,
                    void* stream) {
  return guarded([&] {
    require(plan, "wf_launch", "plan");
    require(buffers, "wf_launch", "buffers");
    if (!plan->loaded)
      fail_input(
          "wf_launch: the plan was generated without a device; wf_plan makes one that can be launched");
    check_pointer_count(plan->plan(), count);
    std::vector<DevicePointer> pointers(count);
    for (size_t i = 0; i < count; ++i) pointers[i] = address(buffers[i]);
    plan->loaded->launch(pointers, address(workspace), stream);
  });
}

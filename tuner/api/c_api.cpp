// The C interface but for tuning: each call checks its arguments and hands over to the engine.
#include <fmt/format.h>

#include <utility>

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

std::string_view required_text(const char* text, const char* function, const char* name, size_t limit) {
  require(text, function, name);
  const size_t length = strnlen(text, limit + 1);
  if (length > limit) fail_input(fmt::format("{}: '{}' is longer than {} bytes", function, name, limit));
  return {text, length};
}

std::string_view optional_text(const char* text, const char* function, const char* name) {
  return text ? required_text(text, function, name) : std::string_view();
}

void check_struct_size(const void* given, size_t known, const size_t* older, size_t older_count,
                       const char* function, const char* type) {
  size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  if (size == known || std::find(older, older + older_count, size) != older + older_count) return;
  if (size == 0)
    fail_input(fmt::format("{}: struct_size of {} is 0: set it to sizeof({})", function, type, type));
  if (size < known || size > WF_MAX_STRUCT_SIZE)
    fail_input(fmt::format("{}: struct_size of {} is {}, which no version of it has (this one: {})", function,
                           type, size, known));
  const auto* bytes = static_cast<const unsigned char*>(given);
  if (std::any_of(bytes + known, bytes + size, [](unsigned char byte) { return byte != 0; }))
    fail_input(fmt::format("{}: {} of {} bytes sets what version {}, which knows {} of them, cannot do",
                           function, type, size, WARPFINCH_VERSION, known));
}

namespace {

static_assert(kPlansKept == WF_PLANS_KEPT);

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
  return {.struct_size = sizeof(wf_buffer),
          .name = buffer.name.c_str(),
          .dtype = to_text(buffer.type).data(),  // of a literal, so it ends with a zero
          .shape = buffer.shape.data(),
          .strides = buffer.strides.data(),
          .bytes = extent(buffer) * size_of(buffer.type),
          .rank = static_cast<int>(buffer.shape.size()),
          .alignment = buffer.alignment,
          .is_output = buffer.output,
          .reserved = 0};
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

// What the header promises of every plan.
void check_limits(const Plan& plan) {
  if (plan.buffers.size() > WF_MAX_BUFFERS)
    fail_input(fmt::format("{}: {} buffers, the interface shows at most {}", plan.problem,
                           plan.buffers.size(), WF_MAX_BUFFERS));
  for (const Buffer& buffer : plan.buffers)
    if (buffer.shape.size() > WF_MAX_RANK || buffer.name.size() > WF_MAX_NAME)
      fail_input(
          fmt::format("{}: buffer '{}' of {} dimensions, the interface shows names of at most {} bytes "
                      "and at most {} dimensions",
                      plan.problem, buffer.name, buffer.shape.size(), WF_MAX_NAME, WF_MAX_RANK));
}

DevicePointer address(const void* pointer) { return reinterpret_cast<DevicePointer>(pointer); }

size_t buffer_by_name(const Plan& plan, std::string_view name) {
  const auto found =
      std::find_if(plan.buffers.begin(), plan.buffers.end(), [&](const Buffer& b) { return b.name == name; });
  if (found != plan.buffers.end()) return static_cast<size_t>(found - plan.buffers.begin());
  std::string names;
  for (const Buffer& buffer : plan.buffers) names += (names.empty() ? "" : ", ") + buffer.name;
  fail_input(fmt::format("wf_launch: no buffer '{}', the plan takes: {}", name, names));
}

// In the plan's order. The count is looked at before the arrays are.
std::vector<DevicePointer> pointers_of(const wf_launch_args& args, const Plan& plan) {
  check_pointer_count(plan, args.buffer_count);
  std::vector<DevicePointer> pointers(args.buffer_count);
  std::array<bool, WF_MAX_BUFFERS> given{};
  for (size_t i = 0; i < args.buffer_count; ++i) {
    size_t place = i;
    if (args.buffer_names) {
      const auto name = required_text(args.buffer_names[i], "wf_launch", "buffer_names[…]", WF_MAX_NAME);
      place = buffer_by_name(plan, name);
      if (std::exchange(given[place], true))
        fail_input(fmt::format("wf_launch: buffer '{}' is given twice", name));
    }
    pointers[place] = address(args.buffers[i]);
  }
  return pointers;
}

// No problem leaves a length open yet.
void refuse_sizes(const wf_launch_args& args, const Plan& plan) {
  if (args.size_count == 0) return;
  if (args.size_count > WF_MAX_SIZES)
    fail_input(fmt::format("wf_launch: {} sizes given, at most {} can be", args.size_count, WF_MAX_SIZES));
  require(args.size_names, "wf_launch", "size_names");
  require(args.size_values, "wf_launch", "size_values");
  fail_input(
      fmt::format("wf_launch: size {}={} given, but the plan leaves none open: all stand in its "
                  "problem, {}",
                  required_text(args.size_names[0], "wf_launch", "size_names[0]", WF_MAX_NAME),
                  args.size_values[0], plan.problem));
}

DevicePointer own_workspace(const wf_plan_s& handle) {
  const std::lock_guard lock(handle.workspace_mutex);
  if (!handle.workspace)
    handle.workspace.emplace(handle.device, static_cast<size_t>(handle.plan().workspace_bytes));
  return handle.workspace->pointer();
}

DevicePointer workspace_of(const wf_launch_args& args, const wf_plan_s& handle) {
  const auto needed = static_cast<size_t>(handle.plan().workspace_bytes);
  if (needed == 0) return 0;
  if (!args.workspace) return own_workspace(handle);
  if (args.workspace_size < needed)
    fail_input(
        fmt::format("wf_launch: the workspace has {} bytes, the plan needs {}", args.workspace_size, needed));
  return address(args.workspace);
}

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
    required_text(device, "wf_engine_open", "device");
    optional_text(database_path, "wf_engine_open", "database_path");
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
    const std::string_view problem = required_text(problem_text, "wf_plan", "problem_text");
    require(plan, "wf_plan", "plan");
    auto handle = std::make_unique<wf_plan_s>();
    const std::shared_ptr<Engine> planner = current(*engine);
    handle->loaded = planner->plan(problem, optional_text(config_text, "wf_plan", "config_text"));
    handle->device = planner->device();
    check_limits(handle->plan());
    *plan = handle.release();
  });
}

wf_status wf_generate(const char* problem_text, const char* config_text, const char* target,
                      wf_plan_t** plan) {
  if (plan) *plan = nullptr;
  return guarded([&] {
    const std::string_view problem = required_text(problem_text, "wf_generate", "problem_text");
    require(plan, "wf_generate", "plan");
    const std::string_view name = optional_text(target, "wf_generate", "target");
    auto handle = std::make_unique<wf_plan_s>();
    handle->generated = generate_text(problem, optional_text(config_text, "wf_generate", "config_text"),
                                      target_by_name(name.empty() ? "sm_90a" : name));
    check_limits(handle->plan());
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
    write_struct(buffer, describe(buffers[index]), "wf_plan_buffer", "wf_buffer");
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

wf_status wf_launch(const wf_plan_t* plan, const wf_launch_args* args) {
  return guarded([&] {
    require(plan, "wf_launch", "plan");
    const wf_launch_args launch = read_struct(args, "wf_launch", "wf_launch_args");
    require(launch.buffers, "wf_launch", "buffers");
    if (!plan->loaded)
      fail_input(
          "wf_launch: the plan was generated without a device; wf_plan makes one that can be launched");
    if (launch.flags != 0)
      fail_input(fmt::format("wf_launch: flags is {:#x}, no flag is defined", launch.flags));
    refuse_sizes(launch, plan->plan());
    const std::vector<DevicePointer> pointers = pointers_of(launch, plan->plan());
    plan->loaded->launch(pointers, workspace_of(launch, *plan), launch.stream);
  });
}

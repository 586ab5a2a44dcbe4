// What a C++ program does first: version, a generated kernel, an engine. Without a GPU it prints why.
#include <iostream>
#include <warpfinch/warpfinch.hpp>

int main() try {
  std::cout << "warpfinch " << warpfinch::version() << '\n';
  const warpfinch::Plan plan =
      warpfinch::generate("attention_forward q_heads=4 q_len=512 head_dim=64 dtype=fp16");
  std::cout << plan.problem() << "\n  " << plan.config() << "\n  " << plan.cuda().size()
            << " characters of CUDA\n";
  for (const warpfinch::BufferInfo& buffer : plan.buffers())
    std::cout << "  " << buffer.name << (buffer.output ? " (written)" : "") << ": " << buffer.bytes
              << " bytes\n";
  try {
    const warpfinch::Engine engine("cuda:0", "");
    std::cout << engine.plan(plan.problem()).config() << " is ready to launch\n";
  } catch (const warpfinch::Failure& failure) {
    std::cout << "no engine here: " << failure.what() << '\n';
    return failure.kind() == WF_ERROR_ENVIRONMENT ? 0 : 1;
  }
} catch (const warpfinch::Failure& failure) {
  std::cerr << "FAILED: " << failure.what() << '\n';
  return 1;
}

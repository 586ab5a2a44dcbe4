// NVRTC's front end puts handlers of its own in place of those for SIGINT, SIGTERM and SIGXFSZ while it
// compiles. A signal then ends the process with status 4, or crashes it when it meets another thread than the
// compiling one. Internal to runtime/.
#pragma once

namespace warpfinch {

// From now on that library (what dlopen gave) changes no handler of this process: its references to signal()
// and sigaction() lead to functions that only tell what stands. Nothing else in the process is affected.
void keep_handlers(void* library);

}  // namespace warpfinch

// Where a user's files belong, by the XDG base directory specification.
#pragma once

#include <filesystem>

namespace warpfinch {

// The folder that `variable` (such as "XDG_CACHE_HOME") names, else `below_home` (".cache") of HOME. A
// relative path in either is ignored, as the specification wants it. Empty where neither says anything:
// whoever asks goes on without his file.
std::filesystem::path user_folder(const char* variable, const char* below_home);

}  // namespace warpfinch

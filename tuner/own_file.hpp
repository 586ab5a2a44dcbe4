// Where this code lies on disk: in the program itself, or in the library that a program of the user has
// loaded. What is installed beside it is found from there.
#pragma once

#include <filesystem>

namespace warpfinch {

std::filesystem::path own_file();  // empty where the loader does not say

}  // namespace warpfinch

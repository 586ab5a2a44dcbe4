// Where code lies on disk: in the program, or in a library that it has loaded. What belongs to that code is
// looked for beside it.
#pragma once

#include <filesystem>

namespace warpfinch {

// The file that holds the code at this address, as the loader found it; empty where the loader does not know.
std::filesystem::path file_of(const void* code);
// The file that this code was linked into, without symbolic links: the program itself, or the library that a
// program of the user has loaded.
std::filesystem::path own_file();

}  // namespace warpfinch

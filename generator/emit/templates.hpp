// The device headers of templates/, embedded when the library is built: a kernel compiles on a machine that
// has neither this source tree nor an include path.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace warpfinch {

struct TemplateFile {
  std::string_view name;  // below templates/, e.g. "sm90/ptx.cuh"
  std::string_view text;
};

// All of them, sorted by name. Defined in a source that the build generates.
std::span<const TemplateFile> template_files();

// The text of one header; empty when there is none of that name.
std::string_view template_text(std::string_view name);
std::vector<std::string_view> template_names();

}  // namespace warpfinch

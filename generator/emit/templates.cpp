// Look-up in the embedded device headers.
#include "generator/emit/templates.hpp"

namespace warpfinch {

std::string_view template_text(std::string_view name) {
  for (const TemplateFile& file : template_files())
    if (file.name == name) return file.text;
  return {};
}

std::vector<std::string_view> template_names() {
  std::vector<std::string_view> names;
  for (const TemplateFile& file : template_files()) names.push_back(file.name);
  return names;
}

}  // namespace warpfinch

// A folder for the files of one piece of work, gone at its end. It outlives a process that is killed, until
// somebody makes the next one: that removes those that nobody holds any more.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/descriptor.hpp"

namespace warpfinch {

class WorkFolder {
 public:
  // Below TMPDIR, else /tmp. Error (environment) where none can be made.
  WorkFolder();
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // A new file; Error (environment) where not all of it can be written, as on a full disk.
  std::filesystem::path write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path path_;
  Descriptor lock_;  // on the folder itself; it ends with the process, however that ends
};

}  // namespace warpfinch

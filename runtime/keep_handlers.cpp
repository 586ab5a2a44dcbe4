// Restoring the handlers behind each compilation would leave the time in between, which is most of it, and
// blocking the signals would have to happen in every thread of a process that is not ours. So the library's
// table of addresses (its relocations) is changed once, right behind dlopen.
#include "runtime/keep_handlers.hpp"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>

namespace warpfinch {
namespace {

int tell_action(int signal, const struct sigaction*, struct sigaction* old) {
  return sigaction(signal, nullptr, old);
}

sighandler_t tell_handler(int signal, sighandler_t) {
  struct sigaction standing {};
  return sigaction(signal, nullptr, &standing) == 0 ? standing.sa_handler : SIG_ERR;
}

struct Replacement {
  const char* name;
  void* function;
};
const Replacement kReplacements[] = {{"signal", reinterpret_cast<void*>(tell_handler)},
                                     {"sigaction", reinterpret_cast<void*>(tell_action)}};

// The tables of a loaded library that say where it keeps the addresses of which functions.
struct Tables {
  const Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  std::span<const Elf64_Rela> calls, data;  // addresses for calls, and all others
};

Tables tables_of(const link_map& library) {
  Tables tables;
  const Elf64_Rela *calls = nullptr, *data = nullptr;
  size_t call_bytes = 0, data_bytes = 0;
  for (const Elf64_Dyn* entry = library.l_ld; entry->d_tag != DT_NULL; ++entry) {
    const auto at = entry->d_un.d_ptr;  // glibc has made it an address
    if (entry->d_tag == DT_SYMTAB) tables.symbols = reinterpret_cast<const Elf64_Sym*>(at);
    if (entry->d_tag == DT_STRTAB) tables.names = reinterpret_cast<const char*>(at);
    if (entry->d_tag == DT_JMPREL) calls = reinterpret_cast<const Elf64_Rela*>(at);
    if (entry->d_tag == DT_RELA) data = reinterpret_cast<const Elf64_Rela*>(at);
    if (entry->d_tag == DT_PLTRELSZ) call_bytes = entry->d_un.d_val;
    if (entry->d_tag == DT_RELASZ) data_bytes = entry->d_un.d_val;
  }
  if (calls) tables.calls = {calls, call_bytes / sizeof *calls};
  if (data) tables.data = {data, data_bytes / sizeof *data};
  return tables;
}

// The page may have been made read-only when the library was loaded.
void store(void* place, void* function) {
  const auto bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t page = reinterpret_cast<uintptr_t>(place) / bytes * bytes;
  if (mprotect(reinterpret_cast<void*>(page), bytes, PROT_READ | PROT_WRITE) == 0)
    std::memcpy(place, &function, sizeof function);
}

void replace(const link_map& library, const Tables& tables, const Elf64_Rela& reference) {
  const auto symbol = ELF64_R_SYM(reference.r_info);
  if (symbol == 0) return;
  const char* name = tables.names + tables.symbols[symbol].st_name;
  for (const Replacement& replacement : kReplacements)
    if (std::strcmp(name, replacement.name) == 0)
      store(reinterpret_cast<void*>(library.l_addr + reference.r_offset), replacement.function);
}

}  // namespace

void keep_handlers(void* library) {
  link_map* map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return;
  const Tables tables = tables_of(*map);
  if (!tables.symbols || !tables.names) return;
  for (const auto references : {tables.calls, tables.data})
    for (const Elf64_Rela& reference : references) replace(*map, tables, reference);
}

}  // namespace warpfinch

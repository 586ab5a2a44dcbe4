// Names that genes, their values, ops and attributes had in earlier versions. Texts, programs and databases
// that still have them are read as before. Who reads one is told once per process what it is called now.
#pragma once

#include <string_view>

namespace warpfinch {

// Tells the sink, the first time in this process that this word is met. Thread-safe.
void note_former_word(std::string_view was, std::string_view is);

// Where the notes go; nowhere until somebody asks for them. Set before anything is read.
using FormerWordSink = void (*)(std::string_view was, std::string_view is);
void set_former_word_sink(FormerWordSink sink);

}  // namespace warpfinch

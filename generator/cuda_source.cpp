// One file out of a kernel and its headers, and the digest that names a kernel in caches and databases.
#include "generator/cuda_source.hpp"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <string_view>

#include "generator/text.hpp"

namespace warpfinch {
namespace {

std::string_view take_line(std::string_view& text) {
  const size_t length = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return line;
}

std::string_view without_blanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The name between the quotes of `#include "name"` (or <name>), empty for every other line.
std::string_view included_name(std::string_view line) {
  line = without_blanks(line);
  if (!line.starts_with('#')) return {};
  line = without_blanks(line.substr(1));
  if (!line.starts_with("include")) return {};
  line = without_blanks(line.substr(7));
  if (line.size() < 2 || (line[0] != '"' && line[0] != '<')) return {};
  const size_t close = line.find(line[0] == '"' ? '"' : '>', 1);
  return close == std::string_view::npos ? std::string_view() : line.substr(1, close - 1);
}

// An include spelled relative to the including header's folder ("ptx.cuh" in sm90/) means the same header.
bool is_embedded(const CudaSource& source, std::string_view name) {
  return std::any_of(source.headers.begin(), source.headers.end(), [&](const Header& header) {
    const std::string_view full = header.name;
    return full == name || (full.ends_with(name) && full[full.size() - name.size() - 1] == '/');
  });
}

void append_without_embedded_includes(std::string& out, const CudaSource& source, std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::string_view name = included_name(line);
    const bool once = without_blanks(line) == "#pragma once";
    if (once || (!name.empty() && is_embedded(source, name))) continue;
    out.append(line).push_back('\n');
  }
}

// Copies a string or character literal that begins at `i`, escapes included; returns the place behind it.
size_t copy_literal(const std::string& text, size_t i, std::string& out) {
  const char quote = text[i];
  out += text[i++];
  while (i < text.size() && text[i] != quote && text[i] != '\n') {
    if (text[i] == '\\' && i + 1 < text.size()) out += text[i++];
    out += text[i++];
  }
  if (i < text.size() && text[i] == quote) out += text[i++];
  return i;
}

// 1'000 is a number: an apostrophe behind a letter or digit opens no literal.
bool opens_literal(const std::string& text, size_t i) {
  if (text[i] == '"') return true;
  return text[i] == '\'' && (i == 0 || !(is_letter(text[i - 1]) || is_digit(text[i - 1])));
}

// A block comment becomes one blank, as the language says, or the line breaks that it spans.
std::string comments_removed(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, 2, "//") == 0) {
      i = std::min(text.find('\n', i), text.size());
    } else if (text.compare(i, 2, "/*") == 0) {
      const size_t end = std::min(text.find("*/", i + 2), text.size() - 2) + 2;
      const std::string_view comment(text.data() + i, end - i);
      out += comment.find('\n') == std::string_view::npos ? ' ' : '\n';
      i = end;
    } else if (opens_literal(text, i)) {
      i = copy_literal(text, i, out);
    } else {
      out += text[i++];
    }
  }
  return out;
}

// The length goes in front, so that text cannot move from one part to the next unseen.
void add_part(std::string& all, std::string_view part) { all += fmt::format("{}:{}\n", part.size(), part); }

}  // namespace

std::string inlined(const CudaSource& source) {
  std::string out;
  for (const Header& header : source.headers) {
    out += fmt::format("// --- {}\n", header.name);
    append_without_embedded_includes(out, source, header.text);
    out += '\n';
  }
  out += fmt::format("// --- {}\n", source.entry);
  append_without_embedded_includes(out, source, source.kernel);
  return out;
}

std::string without_comments(const std::string& text) {
  const std::string bare = comments_removed(text);
  std::string out;
  for (std::string_view rest = bare; !rest.empty();) {
    const std::string_view line = take_line(rest);
    const size_t last = line.find_last_not_of(" \t\r");
    if (last != std::string_view::npos) out.append(line.substr(0, last + 1)).push_back('\n');
  }
  return out;
}

std::string digest(const CudaSource& source) {
  std::string all;
  add_part(all, source.entry);
  add_part(all, source.target);
  add_part(all, without_comments(source.kernel));
  for (const Header& header : source.headers) {
    add_part(all, header.name);
    add_part(all, without_comments(header.text));
  }
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace warpfinch

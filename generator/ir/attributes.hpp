// Every attribute of the language once: what its value may be, and what a call in the emitted CUDA says for
// it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "generator/ir/program.hpp"

namespace warpfinch::ir {

struct AttributeInfo {
  std::string_view name;
  // flag: no value. words: one of `words`. integer: of at least `least`. number: what fp32 holds. factor:
  // what scores are multiplied by. integers: a list. text: a name or an expression.
  enum class Form { flag, words, integer, number, factor, integers, text } form = Form::text;
  std::vector<std::string_view> words = {};
  int64_t least = 0;
  // Where the call has it. Passes read the others, and the emitter spells none of them.
  enum class Place { nowhere, template_argument, last_argument } place = Place::nowhere;
  // What stands for each of the words there, or for the flag; a number stands for itself.
  std::vector<std::string_view> spelled = {};
  // What stands there where the op has no such attribute; and where only a later argument asks for a place.
  std::string_view absent = {}, absent_in_front = {};
  // What it and its words were called before; as many as `words`, or none.
  std::string_view former = {};
  std::vector<std::string_view> former_words = {};
};

const std::vector<AttributeInfo>& attribute_infos();
// nullptr for an unknown one.
const AttributeInfo* find_attribute(std::string_view name);
// In today's words, an attribute that may be in those of an earlier version (generator/former_words.hpp).
Attributes::value_type in_present_words(Attributes::value_type attribute);
// What would be right in place of the value; empty where the value is.
std::string attribute_fault(const AttributeInfo& info, const std::string& value);

}  // namespace warpfinch::ir

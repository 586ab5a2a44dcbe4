// The columns of an evaluation, as its lists of fields say (Evaluation::fields()): their definitions, and
// rows in and out. A field that is added to a struct is a column from then on.
#pragma once

#include <string>
#include <vector>

#include "tuner/evaluation.hpp"
#include "tuner/sqlite.hpp"

namespace warpfinch {

struct Column {
  std::string name;
  std::string definition;  // "TEXT NOT NULL DEFAULT ''", in words that SQLite and PostgreSQL understand
};
// All of a row, in order. Those of one outcome are NULL where a row has another.
const std::vector<Column>& evaluation_columns();

// "e.problem, e.config, …"; prefix: "e." or nothing.
std::string column_names(const std::string& prefix = {});
std::string machine_column_names(const std::string& prefix);
// Binds all of them, in order.
void bind_evaluation(sqlite::Statement& statement, const Evaluation& evaluation);
// The row with its config in today's words (generator/former_words.hpp): it is found by that text. A config
// that this version does not know stays as it is.
Evaluation in_present_words(Evaluation row);
// What tells a row from all others: a hash of its line of JSON.
std::string content_key(const Evaluation& evaluation);
// Reads all of them from the first column of a row, or the machine's from column `first`.
Evaluation read_evaluation(const sqlite::Statement& row);
Machine read_machine(const sqlite::Statement& row, int first);

}  // namespace warpfinch

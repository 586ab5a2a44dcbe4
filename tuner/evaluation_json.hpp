// Evaluations as JSON: the rows of `database export`, and what the worker process says.
//
//   {"problem": …, "config": …, "digest": …, "outcome": "measured", "median_us": …, "min_us": …, "max_us": …,
//    "spread": …, "samples_us": […], "launches_per_sample": …, "l2": "warm", "max_error": …,
//    "device": …, "driver": …, "nvrtc": …, "time": …}
//
// outcome "predicted" has predicted_us in place of the numbers, "rejected" has stage and reason. An optional
// field (Evaluation::fields()) is left out where it has its default. A number that is not finite is null;
// null is read as infinity, which is never right and never best.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tuner/evaluation.hpp"

namespace warpfinch {

using Json = nlohmann::ordered_json;

Json to_json(const Evaluation& evaluation);
Json to_json(const Measurement& measurement);
// Error (input): which key is missing or of the wrong kind. Unknown keys are a later version's: left alone.
Evaluation evaluation_from_json(const Json& json);
Measurement measurement_from_json(const Json& json);
// One line; bytes that are no UTF-8 are replaced.
std::string to_line(const Json& json);
// The one reader of JSON. Error (input) with what the parser says; for text that is longer than 16 MiB or
// nested deeper than 16 levels, which none of ours is and which reading, printing and freeing would recurse
// on.
Json json_from_text(std::string_view text);
// The same, and Error (input) when it is no object.
Json object_from_line(std::string_view line);

}  // namespace warpfinch

// The part of an evidence's document that the gate reads, and the sum by which a document that was cut or edited is known.
#pragma once

#include <optional>
#include <string>

#include <undrop/rehearse.hpp>

#include "json.hpp"

namespace undrop {

void add_gate(Rehearsed const& rehearsed, Json& json);
void add_gate(Evidence const& evidence, Json& json);

// Adds `sum`, over everything else, however it is laid out and ordered. No signature: who means to, can write another.
void add_sum(Json& json);
// Does a document's sum not fit the rest? One without a sum was written before there were sums.
[[nodiscard]] bool is_edited(Json const& json);

}  // namespace undrop

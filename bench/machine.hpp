// Where and with what was measured.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace undrop::bench {

[[nodiscard]] nlohmann::ordered_json machine();    // cores, memory, load
[[nodiscard]] nlohmann::ordered_json databases();  // versions, and the settings that decide how fast they write
[[nodiscard]] nlohmann::ordered_json programs();   // what is on the PATH; null: not there

}  // namespace undrop::bench

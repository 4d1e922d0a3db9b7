// What a source comes to for a database: which baseline counts, and which text of a repeatable migration is the one that is there. Pure.
#pragma once

#include <string>
#include <string_view>

#include <undrop/source.hpp>

#include "ledger.hpp"

namespace undrop {

// Without the baselines that do not count and what the one that does stands for. A repeatable whose text was the last to run has the
// version that it ran under.
[[nodiscard]] Source source_for(Source const& source, History const& history);

// The version that a user means: itself, the same number written otherwise, or else the only one that begins with that number or belongs to
// a migration of that name. What is none stays as it is.
[[nodiscard]] std::string full_version(std::string const& text, Source const& source, History const& history);

// Is it the version of a repeatable migration?
[[nodiscard]] bool is_repeatable(std::string_view version);
// An earlier text of one that the source has still: neither missing nor newer.
[[nodiscard]] bool is_earlier_text(Source const& source, std::string_view version);

}  // namespace undrop

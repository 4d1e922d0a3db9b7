// Rehearsals of a few scripts, and what is said of them.
#pragma once

#include <sstream>

#include "story/story.hpp"

namespace undrop::test {

inline Evidence rehearsed(Database& db, Source const& source, Rehearsal const& rehearsal = {}, Options const& options = {}) {
    auto target = Target::open(db.url()).value();
    auto evidence = rehearse(target, source, rehearsal, options);
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    return std::move(evidence).value();
}

inline std::string text_of(Evidence const& evidence) {
    std::ostringstream text;
    text << evidence;
    return text.str();
}

inline bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace undrop::test

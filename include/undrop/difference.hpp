// ObjectDifference: an object of the schema in two forms, as a diff shows them. A value; any thread.
#pragma once

#include <string>

#include <undrop/export.hpp>

namespace undrop {

struct UNDROP_EXPORT ObjectDifference {
    std::string object;            // "index public.t_role_idx"
    std::string before;            // its definition; empty: there was none
    std::string after;             // empty: there is none
    std::string before_when = {};  // "recorded after 20250101 add_note"; empty: nobody needs to be told
    std::string after_when = {};   // "now"

    // The lines that differ, with "-" and "+", and a few around them; one that is cut says how many lines more there are. No final newline.
    [[nodiscard]] std::string text() const;
    // The same whole, below two lines that name the object in both forms: "--- index t_idx, recorded after 1 add", "+++ index t_idx, now".
    [[nodiscard]] std::string diff() const;
    // As people read it: diff(), cut like text().
    [[nodiscard]] std::string brief() const;
};

}  // namespace undrop

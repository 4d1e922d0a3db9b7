// Names and marks by which formats tell their files from each other's.
#pragma once

#include "sources/common.hpp"

namespace undrop::sources {

// VERSION_NAME.PART.sql, taken apart.
struct PairName {
    std::string version;
    std::string name;
    Part part = Part::up;
    bool alone = false;  // VERSION_NAME.sql
};
[[nodiscard]] std::optional<PairName> taken_apart(std::string_view name);
// Why a name that ends in .sql is none of a pair's, and what it was probably meant to be.
[[nodiscard]] Error misspelt(File const& file);

// A file that one way alone has no name for: 1_a.sql, and not 1_a.up.sql.
[[nodiscard]] bool holds_both_ways(File const& file);
[[nodiscard]] bool has_goose_marks(std::string_view text);
[[nodiscard]] bool has_dbmate_marks(std::string_view text);
[[nodiscard]] bool is_marked_up(Files const& files);    // goose's or dbmate's
[[nodiscard]] bool has_journal(Files const& files);     // Drizzle's
[[nodiscard]] bool has_dialects(Files const& files);    // pop's: N_name.postgres.up.sql
[[nodiscard]] bool shares_numbers(Files const& files);  // pairs of several names of one number, more than once: no slip

// What sqitch.conf says of files beside *.sql and *.plan: the plan's name, and how scripts' names end.
[[nodiscard]] std::vector<std::string> named_in_sqitch_conf(File const& conf);

}  // namespace undrop::sources

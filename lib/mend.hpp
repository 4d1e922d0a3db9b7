// Mend: the statements that bring objects to what was recorded. Planning is pure; running needs a Backend.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "backend.hpp"
#include "catalog.hpp"

namespace undrop {

// What the objects at stake should be: an id without an object should not exist.
using Wanted = std::map<ObjectId, std::optional<Object>>;

struct MendAction {
    enum class Kind { remove, make, alter, reshape };
    Kind kind{};
    ObjectId id;
    Object object;  // for remove: what is there; otherwise what is wanted
    Object now;     // for reshape
};

struct MendPlan {
    std::vector<MendAction> before_data;  // removals, then what rows need
    std::vector<MendAction> after_data;   // indexes, constraints, views, rights
    std::string refused;                  // not empty: why it cannot be done without touching what nobody asked for

    [[nodiscard]] bool empty() const { return before_data.empty() && after_data.empty() && refused.empty(); }
};

// What a way back did to the schema, statement by statement, for who writes it down (down_script.hpp).
struct Mended {
    enum class Kind { rename, remove, make, alter, reshape };
    Kind kind{};
    ObjectId id;                   // none: of a rename
    std::string sql;               // of a reshape: the wanted definition
    std::vector<ObjectId> needs;   // of what is made or changed
    std::vector<ObjectId> needed;  // what it needed as it was until now
    bool holds_rows = false;
};
using MendLog = std::vector<Mended>;

// Is this something of the same shape, until what needs it in a circle is there, or gone?
[[nodiscard]] bool is_stand_in(MendAction const& action);

[[nodiscard]] Mended mended(MendAction const& action, Catalog const& now);

// Are these rights on something, and not the thing itself?
[[nodiscard]] bool grants_rights(ObjectId const& id);

// Dependents of what must be made anew are removed and made again with it; nothing that holds rows is ever removed for that.
[[nodiscard]] MendPlan plan_mend(Catalog const& now, Wanted const& wanted);

// Adds to `remake` whatever depends on a member of it or on what is `altered`, as far as it is there now.
void add_dependents(Catalog const& now, Catalog& remake, Catalog const& removed, std::set<ObjectId> const& altered);

// Ids, in an order in which each comes after what it needs; otherwise by section, rank and order.
[[nodiscard]] std::vector<ObjectId> in_making_order(Catalog const& objects);

// The removal of all that has to be removed by itself: what needs the others goes first.
[[nodiscard]] std::vector<MendAction> removals(Catalog const& gone);

// Runs actions in order.
[[nodiscard]] Result<void> run_mend(Backend& backend, std::vector<MendAction> const& actions);

// What still differs, as sentences; empty: all is as wanted.
[[nodiscard]] std::vector<std::string> differences(Catalog const& now, Wanted const& wanted);

}  // namespace undrop

#include "constraint_names.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "renaming_order.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Moves = std::map<ObjectId, ObjectId>;

bool is_one_of(std::string const& kind, std::initializer_list<std::string_view> kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool is_constraint(ObjectId const& id) { return is_one_of(id.kind, {"primary_key", "unique", "exclusion", "check", "foreign_key"}); }

// Has it a name among the relations of its schema?
bool has_index(ObjectId const& id) { return is_one_of(id.kind, {"primary_key", "unique", "exclusion", "index"}); }

// The schema in a text like `schema.table` or `"my.schema"."table"`, as it stands there.
std::string schema_in(std::string const& text) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') quoted = !quoted;
        if (text[i] == '.' && !quoted) return text.substr(0, i);
    }
    return {};
}

bool is_taken(Catalog const& now, ObjectId const& name) {
    return std::any_of(now.begin(), now.end(), [&](auto const& entry) {
        auto const& id = entry.first;
        if (id.name != name.name) return false;
        if (is_constraint(name) && is_constraint(id) && id.parent == name.parent) return true;
        if (!has_index(name)) return false;
        return has_index(id)
                   ? schema_in(id.parent) == schema_in(name.parent)
                   : is_one_of(id.kind, {"table", "view", "materialized_view", "sequence"}) && id.parent == schema_in(name.parent);
    });
}

bool is_wanted(Wanted const& wanted, ObjectId const& id, Object const& is) {
    auto const found = wanted.find(id);
    return found == wanted.end() || (found->second && found->second->same(is));
}

Moves moves_back(Catalog const& now, Wanted const& wanted) {
    Moves moves;
    for (auto const& [id, want] : wanted) {
        if (!want || want->shape.empty() || !(is_constraint(id) || has_index(id))) continue;
        if (auto const is = now.find(id); is != now.end() && is->second.same(*want)) continue;
        for (auto at = now.lower_bound({id.kind, id.parent, ""}); at != now.end(); ++at) {
            auto const& [other, object] = *at;
            if (other.kind != id.kind || other.parent != id.parent) break;
            if (object.shape != want->shape || other == id || moves.contains(other) || is_wanted(wanted, other, object)) continue;
            moves.emplace(other, id);
            break;
        }
    }
    return moves;
}

}  // namespace

bool may_rename_constraints(Wanted const& wanted) {
    return std::any_of(wanted.begin(), wanted.end(), [](auto const& entry) {
        return entry.second && !entry.second->shape.empty() && (is_constraint(entry.first) || has_index(entry.first));
    });
}

Result<std::vector<std::string>> rename_constraints_back(Dialect const& dialect, std::function<Result<void>(std::string const&)> const& run,
                                                         Catalog const& now, Wanted& wanted) {
    auto moves = moves_back(now, wanted);
    auto const rename = [&](ObjectId const& from, ObjectId const& to) {
        auto const name = dialect.quote(from.name);
        return run(from.kind == "index"
                       ? fmt::format("alter index {}.{} rename to {}", schema_in(from.parent), name, dialect.quote(to.name))
                       : fmt::format("alter table {} rename constraint {} to {}", from.parent, name, dialect.quote(to.name)));
    };
    std::set<ObjectId> freed;
    for (auto const& [from, to] : moves) {
        if (!now.contains(to) || moves.contains(to)) continue;
        auto const aside = ObjectId{to.kind, to.parent, fmt::format("undrop_unwanted_{}", freed.size() + 1)};
        UNDROP_CHECK(rename(to, aside));
        wanted.emplace(aside, std::nullopt);
        freed.insert(to);
    }
    auto const taken = [&](ObjectId const& name) { return !freed.contains(name) && is_taken(now, name); };
    auto const aside = [](ObjectId const& id, int n) { return ObjectId{id.kind, id.parent, fmt::format("undrop_renaming_{}", n)}; };
    std::vector<std::string> mended;
    for (auto const& [from, to] : in_renaming_order(std::move(moves), taken, aside)) {
        UNDROP_CHECK(rename(from, to));
        if (!to.name.starts_with("undrop_renaming_")) mended.push_back(fmt::format("name of {}", to.text()));
    }
    return mended;
}

}  // namespace undrop

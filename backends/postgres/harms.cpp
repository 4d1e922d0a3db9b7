// What a migration took away from or narrowed for a program that does not know it, kind by kind.
#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <string_view>

#include "labels.hpp"
#include "ledger.hpp"
#include "parse.hpp"
#include "postgres_dialect.hpp"

namespace undrop::postgres {

namespace {

using nlohmann::json;

// What happens to a kind of object, and what an older program makes of it. Kinds that are not named here do it no harm.
enum class Made { harmless, harmful, constrains };  // constrains: harmful on columns that were there before
struct Effect {
    std::string_view kind;
    Made made;
    bool changed;  // harmful if so
    bool gone;
};
constexpr std::array effects{
    Effect{"schema", Made::harmless, true, true},
    Effect{"type", Made::harmless, true, true},
    Effect{"sequence", Made::harmless, true, true},
    Effect{"function", Made::harmless, true, true},
    Effect{"procedure", Made::harmless, true, true},
    Effect{"extension", Made::harmless, true, true},
    Effect{"operator", Made::harmless, false, true},
    Effect{"language", Made::harmless, false, true},
    Effect{"text_search_configuration", Made::harmless, false, true},
    Effect{"server", Made::harmless, false, true},
    Effect{"foreign_table", Made::harmless, true, true},
    Effect{"table", Made::harmless, false, true},
    Effect{"column", Made::harmless, true, true},
    Effect{"default", Made::harmless, false, true},
    Effect{"view_default", Made::harmless, false, true},
    Effect{"not_null", Made::constrains, true, false},
    Effect{"identity", Made::constrains, true, true},
    Effect{"primary_key", Made::constrains, true, true},
    Effect{"unique", Made::constrains, true, true},
    Effect{"check", Made::constrains, true, false},
    Effect{"exclusion", Made::constrains, true, true},
    Effect{"foreign_key", Made::constrains, true, false},
    Effect{"index", Made::constrains, true, true},
    Effect{"partition", Made::harmless, true, true},
    Effect{"view", Made::harmless, true, true},
    Effect{"materialized_view", Made::harmless, true, true},
    Effect{"rule", Made::harmful, true, true},
    Effect{"trigger", Made::harmful, true, true},
    Effect{"policy", Made::harmful, true, true},
    Effect{"row_security", Made::harmful, true, true},
    Effect{"replica_identity", Made::harmless, false, false},
    Effect{"owner of", Made::harmful, true, false},
};

Effect const* effect_of(std::string_view kind) {
    for (auto const& effect : effects)
        if (kind == effect.kind || (kind.starts_with(effect.kind) && kind[effect.kind.size()] == ' ')) return &effect;
    return nullptr;
}

// A parent's text has its name in quotes only where it needs them.
std::array<std::string, 2> as_parent(ObjectId const& id) {
    auto const before = id.parent.empty() ? "" : id.parent + ".";
    return {before + quote_identifier(id.name), before + id.name};
}

bool is_in(std::string const& parent, ObjectId const& id) {
    auto const names = as_parent(id);
    return std::find(names.begin(), names.end(), parent) != names.end();
}

// What the step itself made: relations, and columns of tables that were there.
struct Fresh {
    std::set<std::string> relations;  // as `parent` names them; schemas, types and functions, too
    std::set<std::pair<std::string, std::string>> columns;
    std::set<std::pair<std::string, std::string>> filled;  // columns that fill themselves

    explicit Fresh(std::vector<Recorded> const& objects) {
        for (auto const& object : objects) {
            if (object.before || !object.after) continue;
            auto const& [kind, parent, name] = object.id;
            for (auto const* relation : {"schema", "table", "view", "materialized_view", "sequence", "type", "function", "procedure"})
                if (kind == relation)
                    for (auto& text : as_parent(object.id)) relations.insert(std::move(text));
            if (kind == "column") columns.emplace(parent, name);
            auto const computed = kind == "column" && object.after->make.find(" GENERATED ALWAYS AS (") != std::string::npos;
            if (kind == "default" || kind == "identity" || computed) filled.emplace(parent, name);
        }
    }
    [[nodiscard]] bool has_made(ObjectId const& id) const {
        return relations.contains(id.parent) || relations.contains(as_parent(id).front()) ||
               (id.kind.starts_with("grants on ") && columns.contains({id.parent, id.name}));
    }
};

// Names of columns that a definition is about; not those of the table that a foreign key refers to.
void collect_columns(json const& node, std::set<std::string>& names) {
    if (node.is_array()) {
        for (auto const& item : node) collect_columns(item, names);
        return;
    }
    if (!node.is_object()) return;
    for (auto const& [member, value] : node.items()) {
        if (member == "pk_attrs" || member == "pktable") continue;
        if ((member == "keys" || member == "fk_attrs" || member == "including") && value.is_array())
            for (auto const& key : value) names.insert(text_at(at(key, "String"), "sval"));
        else if (member == "ColumnRef" && at(value, "fields").is_array() && !at(value, "fields").empty())
            names.insert(text_at(at(at(value, "fields").back(), "String"), "sval"));
        else if (member == "IndexElem" && !text_at(value, "name").empty())
            names.insert(text_at(value, "name"));
        collect_columns(value, names);
    }
}

// Does what was made hold for columns that an older program writes? Text that cannot be read does.
bool on_older_columns(PostgresDialect const& dialect, Recorded const& object, Fresh const& fresh) {
    auto const& [kind, parent, name] = object.id;
    if (kind == "not_null" || kind == "identity") {
        if (!fresh.columns.contains({parent, name})) return true;
        return kind == "not_null" && !fresh.filled.contains({parent, name});
    }
    auto const statements = dialect.split({object.after->make, ""});
    if (!statements || statements.value().empty()) return true;
    auto const tree = parse(statements.value().front());
    if (!tree) return true;
    if (kind == "index" && !flag_at(tree->body, "unique")) return false;
    std::set<std::string> columns;
    collect_columns(tree->body, columns);
    return columns.empty() || std::any_of(columns.begin(), columns.end(), [&](std::string const& column) {
               return !fresh.columns.contains({parent, column});
           });
}

// Single rights, "SELECT ON TABLE public.t TO reader;", of a list of GRANTs.
std::set<std::string> rights(std::string const& make) {
    std::set<std::string> found;
    std::istringstream lines(make);
    for (std::string line; std::getline(lines, line);) {
        auto const on = line.find(" ON ");
        if (!line.starts_with("GRANT ") || on == std::string::npos) continue;
        std::string const names = line.substr(6, on - 6);
        for (std::size_t from = 0; from <= names.size();) {
            auto const end = std::min(names.find(", ", from), names.size());
            found.insert(names.substr(from, end - from) + line.substr(on));
            from = end + 2;
        }
    }
    return found;
}

// Without a list of rights a relation is its owner's, and what all may use (functions, types) everybody's.
bool only_more_rights(Recorded const& object) {
    if (!object.after) return false;
    auto const now = rights(object.after->make);
    if (object.before) {
        auto const before = rights(object.before->make);
        return std::includes(now.begin(), now.end(), before.begin(), before.end());
    }
    auto const& kind = object.id.kind;
    auto const for_all = kind.ends_with(" function") || kind.ends_with(" procedure") || kind.ends_with(" type");
    return !for_all || object.after->make.find(" TO PUBLIC") != std::string::npos;
}

// More labels at any place of an enum take nothing away.
bool only_more_labels(Recorded const& object) {
    if (!is_enum(*object.before) || !is_enum(*object.after)) return false;
    auto const now = labels_of(*object.after);
    auto at = now.begin();
    for (auto const& label : labels_of(*object.before)) {
        at = std::find(at, now.end(), label);
        if (at++ == now.end()) return false;
    }
    return true;
}

// Of a table or a column that is dropped nothing else is said.
bool went_with_another(Recorded const& object, std::vector<Recorded> const& objects) {
    if (object.after) return false;
    return std::any_of(objects.begin(), objects.end(), [&](Recorded const& other) {
        if (other.after || &other == &object) return false;
        auto const& [kind, parent, name] = other.id;
        if (kind == "column") return object.id.parent == parent && object.id.name == name && object.id.kind != "column";
        auto const holds = kind == "table" || kind == "view" || kind == "materialized_view";
        return holds &&
               (is_in(object.id.parent, other.id) || (object.id.kind != kind && object.id.parent == parent && object.id.name == name));
    });
}

std::string words(ObjectId const& id) {
    auto text = id.text();
    std::replace(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(id.kind.size()), '_', ' ');
    return text;
}

}  // namespace

std::vector<std::string> PostgresDialect::harms(std::vector<Recorded> const& objects) const {
    Fresh const fresh(objects);
    std::vector<std::string> harms;
    for (auto const& object : objects) {
        if (went_with_another(object, objects)) continue;
        if (object.id.kind.starts_with("grants on ") && !fresh.has_made(object.id) && !only_more_rights(object))
            harms.push_back("changes " + words(object.id));
        auto const* effect = effect_of(object.id.kind);
        if (!effect) continue;
        if (object.before && object.after) {
            if (effect->changed && !(object.id.kind == "type" && only_more_labels(object))) harms.push_back("changes " + words(object.id));
        } else if (object.before) {
            // A plain index only makes a program faster; one that is unique may be what its ON CONFLICT rests on.
            auto const plain = object.id.kind == "index" && !object.before->make.starts_with("CREATE UNIQUE ");
            if (effect->gone && !plain) harms.push_back("drops " + words(object.id));
        } else if (!fresh.has_made(object.id) && effect->made != Made::harmless) {
            if (effect->made == Made::harmful || on_older_columns(*this, object, fresh)) harms.push_back("adds " + words(object.id));
        }
    }
    return harms;
}

}  // namespace undrop::postgres

#include "named.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "dialect.hpp"
#include "renaming_order.hpp"
#include "try.hpp"

namespace undrop {
namespace {

constexpr char const* views[] = {"view", "materialized view"};

std::string quoted(std::string const& name) {
    std::string text = "\"";
    for (char const c : name) text += c == '"' ? "\"\"" : std::string(1, c);
    return text + '"';
}

// The identities of a kind by name; an empty map where there is none.
std::map<TableName, std::string> const& of_kind(NamedObjects const& named, std::string const& kind) {
    static std::map<TableName, std::string> const none;
    auto const found = named.find(kind);
    return found == named.end() ? none : found->second;
}

std::string identity_of(NamedObjects const& named, std::string const& kind, TableName const& name) {
    auto const found = of_kind(named, kind).find(name);
    return found == of_kind(named, kind).end() ? "" : found->second;
}

Object const* view_of(Catalog const& catalog, TableName const& name) {
    for (auto const& [id, object] : catalog)
        if ((id.kind == "view" || id.kind == "materialized_view") && names_table(id.parent + "." + id.name, name)) return &object;
    return nullptr;
}

// The place after the name that follows `at`, quoted or not, with its schema.
std::size_t after_name(std::string const& text, std::size_t at) {
    for (bool in_quotes = false; at < text.size(); ++at) {
        if (text[at] == '"') in_quotes = !in_quotes;
        if (!in_quotes && (text[at] == ' ' || text[at] == '(')) return at;
    }
    return at;
}

// Without its names of columns: the list, and what a column is called after AS.
std::string without_columns_names(std::string text, std::vector<std::string> const& names) {
    for (auto const& name : names)
        for (auto const& word : {name, quoted(name)}) {
            auto const as = " AS " + word;
            for (std::size_t at = 0; (at = text.find(as, at)) != std::string::npos;) {
                auto const end = at + as.size();
                auto const ends = end == text.size() || std::string_view(",;\n ").find(text[end]) != std::string_view::npos;
                if (ends)
                    text.erase(at, as.size());
                else
                    at = end;
            }
        }
    auto const from = text.find(" AS\n");
    return from == std::string::npos ? text : text.substr(from);
}

}  // namespace

std::vector<Rename> renames_of_named(NamedObjects const& then, NamedObjects const& now) {
    std::vector<Rename> renames;
    for (auto const& [kind, was] : then) {
        std::map<std::string, TableName> by_id;
        for (auto const& [name, id] : was) by_id.emplace(id, name);
        for (auto const& [name, id] : of_kind(now, kind))
            if (auto const before = by_id.find(id); before != by_id.end() && before->second != name)
                renames.push_back({before->second, name, "", ""});
    }
    return renames;
}

std::vector<Rename> renames_of_view_columns(NamedCatalog const& then, NamedCatalog const& now) {
    std::vector<Rename> renames;
    for (auto const* kind : views)
        for (auto const& [before, id_before] : of_kind(then.named, kind))
            for (auto const& [name, id] : of_kind(now.named, kind)) {
                auto const* was = id == id_before ? view_of(then.catalog, before) : nullptr;
                auto const* is = was ? view_of(now.catalog, name) : nullptr;
                if (!is) continue;
                auto const columns = columns_of_view(*is);
                auto const old = columns_of_view(*was);
                for (std::size_t i = 0; i < std::min(columns.size(), old.size()); ++i)
                    if (columns[i] != old[i]) renames.push_back({before, name, old[i], columns[i]});
            }
    return renames;
}

std::vector<std::pair<std::string, std::string>> columns_to_rename(TableName const& name, std::vector<Rename> const& renames,
                                                                   NamedCatalog const& marked, NamedCatalog const& now) {
    std::map<std::string, std::string> moves;
    std::vector<std::string> columns;
    for (auto const& rename : renames) {
        if (rename.before != name || rename.column_before.empty()) continue;
        auto const* kind = kind_of_view(marked.named, rename.after);
        auto const* was = kind ? view_of(marked.catalog, rename.after) : nullptr;
        auto const* is = was ? view_of(now.catalog, name) : nullptr;
        if (!is || of_kind(marked.named, kind).at(rename.after) != identity_of(now.named, kind, name)) continue;
        auto const old = columns_of_view(*was);
        columns = columns_of_view(*is);
        auto const at = static_cast<std::size_t>(std::find(old.begin(), old.end(), rename.column_after) - old.begin());
        if (at < columns.size() && columns[at] == rename.column_after) moves.emplace(rename.column_after, rename.column_before);
    }
    auto const taken = [&](std::string const& column) { return std::find(columns.begin(), columns.end(), column) != columns.end(); };
    auto const aside = [](std::string const&, int n) { return fmt::format("undrop_renaming_{}", n); };
    return in_renaming_order(std::move(moves), taken, aside);
}

bool is_still(NamedObjects const& then, NamedObjects const& now, std::string const& kind, TableName const& name) {
    auto const was = identity_of(then, kind, name);
    return !was.empty() && was == identity_of(now, kind, name);
}

char const* kind_of_view(NamedObjects const& named, TableName const& name) {
    for (auto const* kind : views)
        if (of_kind(named, kind).contains(name)) return kind;
    return nullptr;
}

bool is_called_so(TableName const& now, Rename const& rename, std::vector<Rename> const& renames) {
    if (now == rename.after) return true;
    return now.second == rename.after.second && std::any_of(renames.begin(), renames.end(), [&](Rename const& schema) {
               return schema.before == TableName{"", now.first} && schema.after == TableName{"", rename.after.first};
           });
}

std::vector<std::string> columns_of_view(Object const& view) {
    std::vector<std::string> columns;
    auto const& text = view.make;
    constexpr std::string_view word = " VIEW ";
    auto const begin = text.find(word);
    if (begin == std::string::npos) return columns;
    auto at = after_name(text, begin + word.size());
    if (text.compare(at, 2, " (") != 0) return columns;
    std::string name;
    bool in_quotes = false;
    for (at += 2; at < text.size(); ++at) {
        auto const c = text[at];
        if (c == '"' && in_quotes && at + 1 < text.size() && text[at + 1] == '"')
            name += text[at++];
        else if (c == '"')
            in_quotes = !in_quotes;
        else if (!in_quotes && (c == ',' || c == ')')) {
            columns.push_back(std::move(name));
            name.clear();
            if (c == ')') return columns;
        } else if (in_quotes || c != ' ')
            name += c;
    }
    return {};
}

bool differs_by_columns_names(ObjectId const& id, Object const& now, Object const& wanted, std::vector<Rename> const& renames) {
    auto columns = columns_of_view(now);
    std::vector<std::string> names;
    bool renamed = false;
    for (auto const& rename : renames) {
        if (rename.column_before.empty() || !names_table(id.parent + "." + id.name, rename.before)) continue;
        names.insert(names.end(), {rename.column_before, rename.column_after});
        renamed = true;
    }
    if (!renamed) return false;
    for (auto& column : columns)
        for (auto const& rename : renames)
            if (column == rename.column_after && names_table(id.parent + "." + id.name, rename.before)) {
                column = rename.column_before;
                break;
            }
    return columns == columns_of_view(wanted) && without_columns_names(now.make, names) == without_columns_names(wanted.make, names);
}

Result<std::vector<std::string>> rename_schemas_back(Dialect const& dialect, std::function<Result<void>(std::string const&)> const& run,
                                                     std::vector<Rename> const& renames, NamedObjects const& marked,
                                                     NamedObjects const& now) {
    std::vector<std::string> names;
    std::map<TableName, TableName> moves;
    for (auto const& rename : renames)
        if (rename.column_before.empty() && rename.before.first.empty() && is_still(marked, now, "schema", rename.after))
            moves.emplace(rename.after, rename.before);
    auto const taken = [&](TableName const& name) { return of_kind(now, "schema").contains(name); };
    auto const aside = [](TableName const&, int n) { return TableName{"", fmt::format("undrop_renaming_{}", n)}; };
    for (auto const& [from, to] : in_renaming_order(std::move(moves), taken, aside)) {
        UNDROP_CHECK(run(fmt::format("alter schema {} rename to {}", dialect.quote(from.second), dialect.quote(to.second))));
        if (!to.second.starts_with("undrop_renaming_")) names.push_back("name of schema " + to.second);
    }
    return names;
}

}  // namespace undrop

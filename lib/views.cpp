#include "views.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <optional>

#include "try.hpp"

namespace undrop {
namespace {

constexpr char const* kind = "materialized_view";

bool is_any_view(ObjectId const& id) { return id.kind == kind || id.kind == "view"; }

std::string full_name(ObjectId const& id) { return id.parent.empty() ? id.name : id.parent + "." + id.name; }

bool is_body(Foreseen::Body const& body, TableName const& view) {
    return body.name == view.second && (body.schema.empty() || body.schema == view.first);
}

bool goes(ObjectId const& need, Foresight const& foresight) {
    auto const of_table = [&](TableName const& table) { return names_table(full_name(need), table) || names_table(need.parent, table); };
    auto const is_column = [&](std::pair<TableName, std::string> const& column) {
        return need.kind == "column" && need.name == column.second && names_table(need.parent, column.first);
    };
    return std::any_of(foresight.tables.begin(), foresight.tables.end(), of_table) ||
           std::any_of(foresight.columns.begin(), foresight.columns.end(), is_column);
}

// Views that cannot stay without what is foreseen to go, however far away.
std::set<ObjectId> going(ViewsAhead const& ahead) {
    std::set<ObjectId> ids;
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : ahead.catalog) {
            if (!is_any_view(id) || ids.contains(id)) continue;
            auto const named =
                !foresees_nothing() && std::any_of(ahead.foreseen.bodies.begin(), ahead.foreseen.bodies.end(), [&](auto const& b) {
                    return names_table(full_name(id), {b.schema, b.name}) || (b.schema.empty() && id.name == b.name);
                });
            auto const depends = std::any_of(object.needs.begin(), object.needs.end(),
                                             [&](ObjectId const& need) { return ids.contains(need) || goes(need, ahead.foresight); });
            if (named || depends) grown = ids.insert(id).second || grown;
        }
    }
    return ids;
}

// Each saved column beside the present one; nothing: the rows cannot be compared.
struct Sides {
    std::vector<std::string> saved;
    std::vector<std::string> present;
};

std::optional<Sides> sides_of(Dialect const& dialect, Snapshot const& s, FilledView const& now) {
    Sides sides;
    if (!now.populated || now.table.columns.size() != s.values.size()) return {};
    for (std::size_t i = 0; i < s.values.size(); ++i) {
        auto const& then = *s.table.column(s.values[i]);
        auto const* column = now.table.id == s.table.id ? now.table.column_by_id(then.id) : now.table.column(then.name);
        if (!column || column->stored_type != then.stored_type) return {};
        sides.saved.push_back(fmt::format("s.v{}", i + 1));
        sides.present.push_back(dialect.save(*column, "t." + dialect.quote(column->name)));
    }
    return sides;
}

}  // namespace

Result<std::vector<FilledView>> read_views(Backend& backend, std::string const& ledger) {
    auto* views = backend.views();
    return views ? views->filled_views(ledger) : Result<std::vector<FilledView>>(std::vector<FilledView>{});
}

Object unfilled(Object view) {
    constexpr std::string_view filled = "WITH DATA;";
    if (view.make.ends_with(filled)) view.make.replace(view.make.size() - filled.size(), filled.size(), "WITH NO DATA;");
    return view;
}

bool names_view(ObjectId const& id, Table const& view) { return id.kind == kind && names_table(full_name(id), table_name(view)); }

std::vector<Table> with_views(std::vector<Table> tables, std::vector<FilledView> const& views) {
    for (auto const& view : views) {
        tables.push_back(view.table);
        tables.back().columns.clear();
    }
    return tables;
}

std::set<TableName> foresee_views(ViewsAhead const& ahead) {
    std::set<TableName> names;
    if (ahead.views.empty()) return names;
    auto const gone = going(ahead);
    for (auto const& [table, file, populated] : ahead.views) {
        auto const name = table_name(table);
        if (waives(ahead.lose, name, "")) continue;
        auto const is_it = [&view = table](auto const& id) { return names_view(id, view); };
        auto const named = !foresees_nothing() && std::any_of(ahead.foreseen.bodies.begin(), ahead.foreseen.bodies.end(),
                                                              [&](Foreseen::Body const& body) { return is_body(body, name); });
        auto const mended = std::any_of(ahead.wanted.begin(), ahead.wanted.end(), [&](auto const& entry) {
            if (!is_it(entry.first)) return false;
            auto const now = ahead.catalog.find(entry.first);
            return !entry.second || now == ahead.catalog.end() || !now->second.same(*entry.second);
        });
        auto const filled = ahead.comes_back && std::any_of(ahead.comes_back->begin(), ahead.comes_back->end(), [&](Snapshot const& s) {
                                return s.kind == Snapshot::Kind::view && table_name(s.table) == name;
                            });
        if (named || mended || filled || std::any_of(gone.begin(), gone.end(), is_it) || waives(ahead.touches, name, ""))
            names.insert(name);
    }
    return names;
}

Result<bool> view_differs(Backend& backend, std::string const& store, Snapshot const& saved, FilledView const& now) {
    if (now.populated != saved.populated) return true;
    if (!now.populated) return false;
    auto const& dialect = backend.dialect();
    auto const sides = sides_of(dialect, saved, now);
    if (!sides) return true;
    UNDROP_TRY(auto const rest, backend.rows(fmt::format(
                                    "select 1 from (select {} as i, 1 as d from {} as s union all select {}, -1 from {} as t) as u group "
                                    "by i having sum(d) <> 0 limit 1",
                                    dialect.image(sides->saved), store, dialect.image(sides->present), dialect.own_rows(now.table))));
    return !rest.empty();
}

std::string rows_not_in_view(Dialect const& dialect, std::string const& store, Snapshot const& saved, FilledView const& now) {
    auto const sides = sides_of(dialect, saved, now);
    if (!sides) return store + " as s";
    auto const image = dialect.image(sides->saved);
    return fmt::format(
        "{0} as s where s.n in (select x.n from (select s.n, {1} as i, row_number() over (partition by {1} order by s.n) as r from {0} as "
        "s) "
        "as x left join (select {2} as i, count(*) as c from {3} as t group by 1) as y on y.i = x.i where x.r > coalesce(y.c, 0))",
        store, image, dialect.image(sides->present), dialect.own_rows(now.table));
}

}  // namespace undrop

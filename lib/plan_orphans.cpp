// The part of the planner that asks beforehand whether what comes back refers to rows that are gone by now, which takes a step down back
// (Options::on_orphan). It reads as plan_returns.cpp does.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "planner.hpp"
#include "references.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr char const* foreign_key = "foreign_key";

bool is_whole(Snapshot const& s) { return s.kind == Snapshot::Kind::table || s.kind == Snapshot::Kind::deleted; }

std::optional<std::size_t> place_of(Snapshot const& s, std::string const& column) {
    auto const at = std::find(s.values.begin(), s.values.end(), column);
    if (at == s.values.end() || !s.table.column(column)) return {};
    return static_cast<std::size_t>(at - s.values.begin());
}

// Then it says so, and nobody asks for them but for those under a stranger.
bool foreign_keys_off(Backend const& backend) { return !backend.remarks().empty(); }

bool mentions_references(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text.find("references") != std::string::npos;
}

// Are equal values saved as different texts? Other types that cannot be compared fail the query, and nothing is known then.
bool differ_as_text(Column const& a, Column const& b) { return a.stored_type == "text" && b.stored_type == "text" && a.type != b.type; }

// The rows and values of one snapshot that refer to nothing by one foreign key.
struct SavedReferences {
    Dialect const& dialect;
    Ledger const& ledger;
    Snapshot const& s;
    Table const* now;     // the snapshot's table; null: it is not there
    Table const* parent;  // null: it comes back in the same step
    ForeignKey const& key;
    std::vector<Snapshot const*> parents_rows;  // that come back in the same step
    bool may_miss;                              // the connection has foreign keys off: only rows of strangers count

    // Condition on s; nothing: it cannot be asked beforehand.
    [[nodiscard]] std::optional<std::string> is_orphan() const;
    [[nodiscard]] std::string comes_back(std::string const& cell) const;
};

std::optional<std::string> SavedReferences::is_orphan() const {
    std::vector<std::string> given;
    std::vector<std::string> there;
    std::vector<std::vector<std::string>> saved(parents_rows.size());
    for (std::size_t i = 0; i < key.columns.size(); ++i) {
        auto const at = place_of(s, key.columns[i]);
        if (!at) return {};
        auto const& child = *s.table.column(key.columns[i]);
        auto const value = fmt::format("s.v{}", *at + 1);
        given.push_back(value + " is not null");
        if (parent) {
            auto const* column = parent->column(key.parents_columns[i]);
            if (!column || differ_as_text(*column, child)) return {};
            there.push_back(dialect.equal(*column, "p." + dialect.quote(column->name), value));
        }
        for (std::size_t n = 0; n < parents_rows.size(); ++n) {
            auto const of_parent = place_of(*parents_rows[n], key.parents_columns[i]);
            if (!of_parent || differ_as_text(*parents_rows[n]->table.column(key.parents_columns[i]), child)) return {};
            saved[n].push_back(fmt::format("r.v{} = {}", *of_parent + 1, value));
        }
    }
    auto const exists = [](std::string const& rows, std::string const& condition) {
        return fmt::format("exists (select 1 from {} where {})", rows, condition);
    };
    std::string missing;
    std::string taken;  // by a row that came since
    auto const of_parent = parent ? exists(dialect.relation(parent->schema, parent->name) + " as p", balanced(there, " and ")) : "";
    if (parent) missing += " and not " + of_parent;
    for (std::size_t n = 0; n < parents_rows.size(); ++n) {
        auto const of_saved = exists(ledger.table(parents_rows[n]->store) + " as r", balanced(saved[n], " and "));
        missing += " and not " + of_saved;
        if (parent && parents_rows[n]->table.key == key.parents_columns && told_by_number(*parents_rows[n]))
            taken += fmt::format(" or ({} and {})", of_parent, of_saved);
    }
    return fmt::format("({}) and ({}{})", fmt::join(given, key.full ? " or " : " and "),
                       may_miss ? "1 = 0" : fmt::format("(1 = 1{})", missing), taken);
}

// FROM item and condition: what would be put back of the snapshot (alias s).
std::string SavedReferences::comes_back(std::string const& cell) const {
    auto const store = ledger.table(s.store);
    if (s.kind == Snapshot::Kind::table) return store + " as s where 1 = 1";
    auto const rows = dialect.own_rows(*now);
    if (s.kind == Snapshot::Kind::deleted)
        return fmt::format("{} as s where not exists (select 1 from {} as t where {})", store, rows, key_join(dialect, s, *now));
    auto const pairs = fmt::format("{} as t join {} as s on {} where 1 = 1", rows, store, key_join(dialect, s, *now));
    if (s.kind == Snapshot::Kind::column) return pairs;
    auto const& column = *now->column(cell);
    auto const at = *place_of(s, cell);
    return fmt::format("{} and {}", pairs,
                       dialect.same(column, "t." + dialect.quote(cell), dialect.load(column, fmt::format("s.w{}", at + 1))));
}

}  // namespace

// The foreign keys that a snapshot's table will have; nothing: only the step can tell.
Result<std::optional<std::vector<ForeignKey>>> Planner::foreign_keys_then(Snapshot const& s, Table const* now, Opposite const& opposite) {
    std::vector<std::string> texts;
    auto const name = table_name(s.table);
    for (auto const& [id, object] : opposite.wanted) {
        if (!object) continue;
        if (id.kind == foreign_key && names_table(id.parent, name)) texts.push_back(object->make);
        // Where the table's own text makes them.
        if (!now && id.kind == "table" && names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, name) &&
            mentions_references(object->make))
            return std::optional<std::vector<ForeignKey>>{};
    }
    for (auto const& [id, object] : catalog_)
        if (now && id.kind == foreign_key && names_table(id.parent, table_name(*now)) && !opposite.wanted.contains(id))
            texts.push_back(object.make);
    UNDROP_TRY(auto keys, backend_.foreign_keys(now ? *now : s.table, texts));
    return std::optional{std::move(keys)};
}

// What of a planned return refers to nothing by then. Where that is not known, the number of what comes back is an upper bound.
Result<void> Planner::count_orphans(PlannedStep& step, Opposite const& opposite, Plan& plan) {
    if (!full_ || step.direction == Direction::up || !catalog_read_) return success();
    for (auto& back : step.returns) {
        if (!back.unknown.empty() || !back.comes_back || *back.comes_back == 0) continue;
        auto const s =
            std::find_if(opposite.snapshots.begin(), opposite.snapshots.end(), [&](auto const& o) { return o.id == back.snapshot; });
        auto const* now = find_table(tables_, name_now(opposite.renames, table_name(s->table)));
        auto const cell = s->kind == Snapshot::Kind::updated ? back.what.substr(s->table.text().size() + 1) : std::string{};
        UNDROP_TRY(auto const keys, foreign_keys_then(*s, now, opposite));
        if (!keys) back.unknown = "whether what its rows refer to is still there";
        for (auto const& key : keys.value_or(std::vector<ForeignKey>{})) {
            if (!is_whole(*s) && std::find(key.columns.begin(), key.columns.end(), cell.empty() ? s->column : cell) == key.columns.end())
                continue;
            UNDROP_TRY(auto const orphans, orphans_of(*s, now, cell, key, opposite));
            auto const parent = key.parents_schema.empty() ? key.parent : key.parents_schema + "." + key.parent;
            if (!orphans) back.unknown = fmt::format("whether all rows of {} that it refers to are there", parent);
            if (!orphans || *orphans == 0) continue;
            auto const stop = options_.on_orphan == OnOrphan::stop;
            if (options_.on_orphan == OnOrphan::keep) *back.comes_back -= std::min(*back.comes_back, *orphans);
            plan.findings.push_back(
                {.severity = stop ? Finding::Severity::warning : Finding::Severity::note,
                 .code = "orphans",
                 .text = fmt::format("{} of {} refer to rows of {} {}whose numbers other rows have by now{}", *orphans, back.what, parent,
                                     foreign_keys_off(backend_) ? "" : "that are not there any more, or ",
                                     stop ? ": the way back will be refused" : ""),
                 .next = {.command = stop ? "down --on-orphan keep" : "",
                          .advice = stop ? "or null; or make those rows again first" : ""}});
        }
    }
    return success();
}

Result<std::optional<std::int64_t>> Planner::orphans_of(Snapshot const& s, Table const* now, std::string const& cell, ForeignKey const& key,
                                                        Opposite const& opposite) {
    TableName const name{key.parents_schema, key.parent};
    // Under another name: only the step gives that back before it looks.
    auto const is_there = [&](std::string const& column) { return now && now->column(column); };
    if (s.kind != Snapshot::Kind::table &&
        (!std::all_of(s.table.key.begin(), s.table.key.end(), is_there) || (!cell.empty() && !is_there(cell))))
        return std::optional<std::int64_t>{};
    auto const* parent = find_table(tables_, name_now(opposite.renames, name));
    std::vector<Snapshot const*> rows;
    for (auto const& other : opposite.snapshots) {
        if (table_name(other.table) != name) continue;
        if (is_whole(other)) rows.push_back(&other);
        for (auto const& column : key.parents_columns)  // another key comes back
            if (!is_whole(other) && place_of(other, column)) return std::optional<std::int64_t>{};
    }
    auto const own = std::any_of(opposite.footprints.begin(), opposite.footprints.end(), [&](Footprint const& print) {
        return parent && print.of == Footprint::Of::rows && TableName{print.schema, print.table} == table_name(*parent);
    });
    SavedReferences const references{backend_.dialect(), ledger_, s, now, parent, key, rows, foreign_keys_off(backend_)};
    auto const orphan = references.is_orphan();
    if (!orphan || own || (!parent && rows.empty())) return std::optional<std::int64_t>{};
    return counted(fmt::format("{} and {}", references.comes_back(cell), *orphan));
}

}  // namespace undrop

// Erase: one person's rows out of every snapshot, and what footprints have of them.
#include <undrop/snapshots.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "apply.hpp"
#include "aside.hpp"
#include "balanced.hpp"
#include "fault.hpp"
#include "keep_aside.hpp"
#include "ledger.hpp"
#include "merge.hpp"
#include "snapshots.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

class Eraser {
public:
    Eraser(Backend& backend, Ledger& ledger, EraseWish const& wish) : backend_(backend), ledger_(ledger), wish_(wish) {
        for (auto const& part : wish.key) values_.emplace_back(part.value);
    }

    // In the caller's transaction.
    Result<Erased> erase() {
        UNDROP_TRY(auto const all, ledger_.list_snapshots());
        std::set<std::string> tables;
        std::vector<std::string> computed;
        std::size_t searched = 0;
        for (auto const& info : all) {
            if (info.purged) continue;
            UNDROP_TRY(auto const snapshot, manifest_of(ledger_, info));
            if (snapshot.kind == Snapshot::Kind::sequence) continue;
            if (!is_asked_for(snapshot.table.schema, snapshot.table.name)) {
                if (snapshot.kind == Snapshot::Kind::view && snapshot.rows > 0) computed.push_back(not_searched(snapshot));
                continue;
            }
            tables.insert(snapshot.table.text());
            if (tables.size() > 1) return ambiguous(tables);
            if (snapshot.kind == Snapshot::Kind::aside) {
                UNDROP_TRY(bool const done, empty_aside(snapshot));
                if (done) ++searched;
                if (snapshot.keyed()) key_ = snapshot.table.key;
                continue;
            }
            if (auto const condition = rows_of(snapshot); !condition.empty()) {
                ++searched;
                UNDROP_CHECK(erase_from(snapshot, condition));
            } else {
                done_.not_searched.push_back(not_searched(snapshot));
            }
            if (snapshot.keyed()) key_ = snapshot.table.key;
        }
        if (searched == 0) return nothing_to_search();
        // Which may hold somebody's rows under whatever names its query gives them.
        std::move(computed.begin(), computed.end(), std::back_inserter(done_.not_searched));
        UNDROP_CHECK(erase_digests());
        return std::move(done_);
    }

private:
    [[nodiscard]] bool is_asked_for(std::string const& schema, std::string const& name) const {
        return wish_.table == name || (!schema.empty() && wish_.table == schema + "." + name);
    }

    static std::vector<std::string> names_in(Snapshot const& s) {
        auto names = s.table.key;
        for (auto const& name : s.values)
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        return names;
    }

    static std::string not_searched(Snapshot const& s) { return fmt::format("{} (it has {})", name_of(s), fmt::join(names_in(s), ", ")); }

    // The store's columns that hold a column of the table.
    static std::vector<std::string> places_of(Snapshot const& s, std::string const& column) {
        std::vector<std::string> places;
        for (std::size_t i = 0; i < s.table.key.size(); ++i)
            if (s.table.key[i] == column) places.push_back(fmt::format("k{}", i + 1));
        for (std::size_t i = 0; i < s.values.size(); ++i) {
            if (s.values[i] != column) continue;
            places.push_back(fmt::format("v{}", i + 1));
            if (s.kind == Snapshot::Kind::updated) places.push_back(fmt::format("w{}", i + 1));
        }
        return places;
    }

    // The wish's columns in this snapshot: by name, or as the next column of the key. Nothing: they do not fit.
    [[nodiscard]] std::vector<std::string> columns_for(std::vector<std::string> const& key) const {
        std::vector<std::string> columns;
        std::size_t next = 0;
        for (auto const& part : wish_.key) {
            if (!part.column.empty())
                columns.push_back(part.column);
            else if (next < key.size())
                columns.push_back(key[next++]);
            else
                return {};
        }
        return next == 0 || next == key.size() ? columns : std::vector<std::string>{};
    }

    // Condition; empty: this snapshot cannot tell.
    [[nodiscard]] std::string rows_of(Snapshot const& s) const {
        std::vector<std::string> terms;
        auto const columns = columns_for(s.table.key);
        for (std::size_t i = 0; i < columns.size(); ++i) {
            std::vector<std::string> any;
            for (auto const& place : places_of(s, columns[i])) any.push_back(fmt::format("cast({} as text) = ${}", place, i + 1));
            if (any.empty()) return {};
            terms.push_back(fmt::format("({})", balanced(any, " or ")));
        }
        return balanced(terms, " and ");
    }

    Result<void> erase_from(Snapshot snapshot, std::string const& condition) {
        auto const store = ledger_.table(snapshot.store);
        // A hash that is made anew would say of whatever is there that it is what was saved.
        UNDROP_TRY(auto const fault, fault_of(backend_, ledger_, snapshot, Depth::rows));
        if (!fault.empty())
            return Error{
                .code = Code::refused,
                .left = Left::untouched,
                .message = fmt::format("{} {}: nothing is erased, since it would count as whole afterwards", name_of(snapshot), fault),
                .next = {.command = fmt::format("snapshots purge {}", snapshot.id),
                         .advice = "takes it away; or bring it back first: undrop snapshots import FILE"}};
        UNDROP_TRY(auto const rows,
                   backend_.query(fmt::format("select cast(count(*) as varchar(20)) from {} where {}", store, condition), values_, 1));
        auto const count = number_of(rows.at(0).at(0));
        if (count == 0) return success();
        UNDROP_CHECK(backend_.query(fmt::format("delete from {} where {}", store, condition), values_, 0));
        Aside aside(backend_, ledger_, snapshot);
        UNDROP_TRY(bool const kept_aside, aside.is_there());
        if (kept_aside)
            UNDROP_CHECK(backend_.run(fmt::format("delete from {} as a where not exists (select 1 from {} as s where {})", aside.table(),
                                                  store, aside.is_row("a"))));
        snapshot.rows -= count;
        UNDROP_TRY(snapshot.bytes, backend_.bytes_of(store));
        UNDROP_TRY(snapshot.hash, backend_.hash_of(store, snapshot.columns()));
        UNDROP_CHECK(ledger_.update(snapshot));
        done_.rows += count;
        done_.snapshots.push_back({snapshot.id, snapshot.what(), count});
        return success();
    }

    // Of a column that is kept aside the values are in the table itself. False: it does not have the columns that were asked for.
    Result<bool> empty_aside(Snapshot const& aside) {
        UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
        auto const* table = table_with(tables, aside);
        if (!table) return true;  // with its table in another snapshot
        auto const& dialect = backend_.dialect();
        auto const value = dialect.quote(aside.position);
        auto condition = fmt::format("t.{} is not null", value);
        auto const columns = columns_for(aside.table.key);
        for (std::size_t i = 0; i < columns.size(); ++i) {
            auto const* column = table->column(columns[i] == aside.column ? aside.position : columns[i]);
            if (!column) return not_searched(aside, *table);
            condition += fmt::format(" and cast(t.{} as text) = ${}", dialect.quote(column->name), i + 1);
        }
        if (columns.empty()) return not_searched(aside, *table);
        auto const rows = dialect.own_rows(*table) + " as t";
        UNDROP_TRY(auto const found,
                   backend_.query(fmt::format("select cast(count(*) as varchar(20)) from {} where {}", rows, condition), values_, 1));
        auto const count = number_of(found.at(0).at(0));
        if (count == 0) return true;
        UNDROP_CHECK(in_quiet(backend_, *table, [&]() -> Result<void> {
            UNDROP_CHECK(backend_.query(fmt::format("update {} set {} = null where {}", rows, value, condition), values_, 0));
            return success();
        }));
        done_.rows += count;
        done_.snapshots.push_back({aside.id, aside.what(), count});
        return true;
    }

    bool not_searched(Snapshot const& aside, Table const& table) {
        std::vector<std::string> names;
        for (auto const& column : table.columns) names.push_back(column.name == aside.position ? aside.column : column.name);
        done_.not_searched.push_back(fmt::format("{} (its table has {})", name_of(aside), fmt::join(names, ", ")));
        return false;
    }

    // A footprint knows rows by an image of their whole key.
    Result<void> erase_digests() {
        auto const columns = columns_for(key_);
        if (key_.empty() || columns.size() != key_.size()) return success();
        std::vector<std::vector<std::string>> images{{}};
        for (auto const& name : key_) {
            auto const at = std::find(columns.begin(), columns.end(), name) - columns.begin();
            if (at == std::ssize(columns)) return success();
            auto const i = static_cast<std::size_t>(at);
            std::vector<std::vector<std::string>> longer;
            for (auto const& image : images)
                for (auto const& form : backend_.dialect().saved_forms(*values_[i], fmt::format("${}", i + 1))) {
                    longer.push_back(image);
                    longer.back().push_back(form);
                }
            images = std::move(longer);
        }
        std::vector<std::string> wanted;
        for (auto const& image : images) wanted.push_back(backend_.dialect().image(image));
        auto const condition = fmt::format("k in ({})", fmt::join(wanted, ", "));
        UNDROP_TRY(auto const prints, ledger_.footprints());
        for (auto const& print : prints) {
            if (print.store.empty() || !is_asked_for(print.schema, print.table)) continue;
            auto const store = ledger_.table(print.store);
            auto const his = print.of == Footprint::Of::keys ? fmt::format("{0} or h{1}", condition, condition.substr(1)) : condition;
            UNDROP_TRY(auto const rows,
                       backend_.query(fmt::format("select cast(count(*) as varchar(20)) from {} where {}", store, his), values_, 1));
            auto const count = number_of(rows.at(0).at(0));
            if (count > 0) UNDROP_CHECK(backend_.query(fmt::format("delete from {} where {}", store, his), values_, 0));
            done_.digests += count;
        }
        return success();
    }

    [[nodiscard]] static Error ambiguous(std::set<std::string> const& tables) {
        return Error{.code = Code::usage,
                     .left = Left::untouched,
                     .message = fmt::format("there are several such tables: {}", fmt::join(tables, ", ")),
                     .next = {.command = "snapshots erase --table SCHEMA.TABLE --key KEY"}};
    }

    [[nodiscard]] Error nothing_to_search() const {
        auto const why = done_.not_searched.empty()
                             ? fmt::format("no snapshot is of a table {}", wish_.table)
                             : fmt::format("no snapshot of {} has these columns: {}", wish_.table, fmt::join(done_.not_searched, "; "));
        return Error{.code = Code::usage, .left = Left::untouched, .message = why, .next = {.command = "snapshots list"}};
    }

    Backend& backend_;
    Ledger& ledger_;
    EraseWish const& wish_;
    std::vector<Cell> values_;
    std::vector<std::string> key_;  // of the table, as its newest keyed snapshot has it
    Erased done_;
};

// P8: which columns, and how many rows; no value.
std::string detail_of(EraseWish const& wish, Erased const& erased) {
    auto from = nlohmann::json::array();
    for (auto const& one : erased.snapshots) from.push_back({{"id", one.id}, {"what", one.what}, {"rows", one.rows}});
    auto columns = nlohmann::json::array();
    for (auto const& part : wish.key) columns.push_back(part.column.empty() ? "(key)" : part.column);
    nlohmann::json const detail = {{"erased", from},      {"table", wish.table},       {"by", columns},
                                   {"rows", erased.rows}, {"digests", erased.digests}, {"not_searched", erased.not_searched}};
    return detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<Erased> erase_from_snapshots(Target& target, EraseWish const& wish, Options const& options) {
    if (wish.table.empty() || wish.key.empty())
        return Error{.code = Code::usage,
                     .left = Left::untouched,
                     .message = "say of which table, and whose rows",
                     .next = {.command = "snapshots erase --table TABLE --key KEY"}};
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    UNDROP_TRY(auto const history, ledger.history());
    Erased erased;
    if (!history.has_ledger) return erased;
    UNDROP_CHECK(with_run_lock(backend, options, [&]() -> Result<void> {
        UNDROP_CHECK(ledger.ensure(options));
        UNDROP_TRY(auto const now, ledger.history());
        if (now.unfinished) return not_while_in_progress(*now.unfinished);
        UNDROP_CHECK(backend.begin(options, {}));
        auto done = [&]() -> Result<void> {
            UNDROP_TRY(erased, Eraser(backend, ledger, wish).erase());
            UNDROP_CHECK(ledger.add_event("erased", detail_of(wish, erased), options));
            return backend.commit();
        }();
        if (!done) backend.rollback();
        return done;
    }));
    erased.target = target.description();
    return erased;
}

}  // namespace undrop

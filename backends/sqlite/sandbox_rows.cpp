#include "sandbox_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "names.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/errors.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
constexpr std::chrono::milliseconds tell_every{200};

struct Object {
    std::string type;
    std::string name;
    std::string sql;
};

struct Column {
    std::string name;
    std::string mask;
};

// A foreign key's columns, child beside parent.
struct Key {
    std::string parent;
    std::vector<std::pair<std::string, std::string>> columns;
};

struct Copied {
    std::string name;
    std::vector<Column> columns;
    std::vector<std::string> key;
    std::vector<Key> keys;
    bool numbered = false;  // its rows have a number besides, that an index of another table may name
};

std::string in_quotes(std::string const& name, char quote = '"') {
    std::string out(1, quote);
    for (char const c : name) {
        out += c;
        if (c == quote) out += c;
    }
    return out + quote;
}

bool same_name(std::string const& a, std::string const& b) { return sqlite3_stricmp(a.c_str(), b.c_str()) == 0; }

Result<Rows> rows_of(sqlite3* handle, std::string const& sql) {
    UNDROP_TRY(auto statement, Prepared::make(handle, sql));
    Rows rows;
    while (true) {
        UNDROP_TRY(bool const more, statement.step());
        if (!more) return rows;
        rows.push_back(statement.row());
    }
}

Result<void> run(sqlite3* handle, std::string const& sql) {
    if (sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return outcome::success();
    return error_of(handle);
}

Error bad_mask(Mask const& mask, std::string const& why) {
    return Error{.code = Code::usage,
                 .left = Left::untouched,
                 .message = fmt::format("the mask {}.{} {}", mask.table, mask.column, why),
                 .next = {.advice = "a mask is TABLE.COLUMN=EXPRESSION, the expression SQL over the table's columns"}};
}

class Copier {
public:
    Copier(sqlite3* from, sqlite3* to, SandboxWish const& wish) : from_(from), to_(to), wish_(wish) {}
    Copier(Copier const&) = delete;
    Copier& operator=(Copier const&) = delete;
    [[nodiscard]] Result<void> run_all();

private:
    [[nodiscard]] Result<void> read();
    [[nodiscard]] Result<Copied> describe(std::string const& table);
    [[nodiscard]] Result<void> put_on(std::vector<Mask> const& masks);
    [[nodiscard]] Result<void> make(bool tables);
    [[nodiscard]] Result<void> copy_rows();
    [[nodiscard]] Result<void> copy(Copied const& table, std::string const& rest, std::vector<sqlite3_value*> const& values = {});
    [[nodiscard]] Result<bool> add_parents(Copied const& child, Key const& key);
    [[nodiscard]] Result<void> refresh_indexes();
    // Of undrop's own tables: what is copied with its rows, without, or not at all.
    enum class Ours { no, with_rows, without_rows, not_at_all };
    [[nodiscard]] Ours ours(std::string const& table) const;

    sqlite3* from_;
    sqlite3* to_;
    SandboxWish const& wish_;
    std::vector<Object> objects_;
    std::set<std::string> virtual_;
    std::set<std::string> shadows_;
    std::vector<Copied> tables_;
    std::int64_t done_ = 0;
    std::int64_t all_ = 0;
    std::chrono::steady_clock::time_point told_;
};

Copier::Ours Copier::ours(std::string const& table) const {
    auto const prefix = wish_.ledger + "_";
    if (!table.starts_with(prefix)) return Ours::no;
    auto const name = table.substr(prefix.size());
    for (auto const* rows : names::of_rows)
        if (name.starts_with(rows)) return Ours::not_at_all;
    return name == names::snapshot || name == names::footprint ? Ours::without_rows : Ours::with_rows;
}

Result<void> Copier::read() {
    UNDROP_TRY(auto const objects, rows_of(from_,
                                           "select type, name, sql, tbl_name from sqlite_schema where sql is not null and name not like "
                                           "'sqlite\\_%' escape '\\' order by rowid"));
    UNDROP_TRY(auto const kinds,
               rows_of(from_, "select name, type from pragma_table_list where schema = 'main' and type in ('virtual', 'shadow')"));
    for (auto const& row : kinds) (row[1] == "virtual" ? virtual_ : shadows_).insert(row[0].value_or(""));
    for (auto const& row : objects) {
        if (shadows_.contains(row[3].value_or("")) || ours(row[3].value_or("")) == Ours::not_at_all) continue;
        objects_.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
        if (row[0] != "table" || virtual_.contains(*row[1])) continue;
        UNDROP_TRY(auto table, describe(*row[1]));
        tables_.push_back(std::move(table));
    }
    return outcome::success();
}

Result<Copied> Copier::describe(std::string const& table) {
    Copied result{.name = table, .columns = {}, .key = {}, .keys = {}};
    auto const text = in_quotes(table, '\'');
    UNDROP_TRY(auto const columns, rows_of(from_, fmt::format("select name, pk, type from pragma_table_xinfo({}) where hidden = 0", text)));
    std::map<int, std::string> key;
    bool names_row = false;
    for (auto const& row : columns) {
        result.columns.push_back({row[0].value_or(""), {}});
        if (row[1] != "0") key[std::stoi(row[1].value_or("0"))] = row[0].value_or("");
        for (auto const* number : {"rowid", "_rowid_", "oid"}) names_row = names_row || same_name(number, row[0].value_or(""));
    }
    for (auto const& [at, name] : key) result.key.push_back(name);
    UNDROP_TRY(auto const without,
               rows_of(from_, fmt::format("select wr from pragma_table_list where schema = 'main' and name = {}", text)));
    bool const number_is_key = key.size() == 1 && std::any_of(columns.begin(), columns.end(), [](Row const& row) {
                                   return row[1] == "1" && same_name(row[2].value_or(""), "INTEGER");
                               });
    result.numbered = !names_row && !number_is_key && !without.empty() && without[0][0] == "0";
    UNDROP_TRY(
        auto const keys,
        rows_of(from_, fmt::format("select id, \"table\", \"from\", \"to\" from pragma_foreign_key_list({}) order by id, seq", text)));
    std::string last = "none";
    for (auto const& row : keys) {
        if (row[0] != last) {
            last = row[0].value_or("");
            result.keys.push_back({row[1].value_or(""), {}});
        }
        result.keys.back().columns.emplace_back(row[2].value_or(""), row[3].value_or(""));
    }
    return result;
}

Result<void> Copier::put_on(std::vector<Mask> const& masks) {
    for (auto const& mask : masks) {
        auto const table = std::find_if(tables_.begin(), tables_.end(), [&](Copied const& t) {
            return ours(t.name) == Ours::no && (same_name(t.name, mask.table) || same_name("main." + t.name, mask.table));
        });
        if (table == tables_.end()) return bad_mask(mask, "names no table of the target");
        auto const column =
            std::find_if(table->columns.begin(), table->columns.end(), [&](Column const& c) { return same_name(c.name, mask.column); });
        if (column == table->columns.end()) return bad_mask(mask, "names no column that holds values of its own");
        if (!column->mask.empty()) return bad_mask(mask, "is the second one of that column");
        for (auto const& other : tables_)
            for (auto const& key : other.keys)
                for (auto const& [child, parent] : key.columns)
                    if ((same_name(other.name, table->name) && same_name(child, column->name)) ||
                        (same_name(key.parent, table->name) && same_name(parent, column->name)))
                        return bad_mask(mask, "names a column of a foreign key, which the rows would no longer fulfil");
        column->mask = mask.expression;
        auto tried = rows_of(from_, fmt::format("select ({}) from {} limit 0", mask.expression, in_quotes(table->name)));
        if (tried) continue;
        auto error = bad_mask(mask, "is none that the database understands");
        error.native = tried.error().native;
        return error;
    }
    return outcome::success();
}

// Tables without anything that fires or refuses; the rest once the rows are there.
Result<void> Copier::make(bool tables) {
    for (auto const& object : objects_) {
        if ((object.type == "table") != tables) continue;
        if (auto made = run(to_, object.sql); !made) {
            auto error = std::move(made).error();
            error.code = Code::refused;
            error.left = Left::untouched;
            error.message = fmt::format("{} {} cannot be made in the sandbox: {}", object.type, object.name, error.message);
            return error;
        }
    }
    return outcome::success();
}

Result<void> Copier::copy(Copied const& table, std::string const& rest, std::vector<sqlite3_value*> const& values) {
    std::vector<std::string> names;
    std::vector<std::string> read;
    std::vector<std::string> places;
    if (table.numbered) {
        names.emplace_back("rowid");
        read.emplace_back("t.rowid");
    }
    for (auto const& column : table.columns) {
        names.push_back(in_quotes(column.name));
        read.push_back(column.mask.empty() ? "t." + names.back() : "(" + column.mask + ")");
    }
    places.assign(names.size(), "?");
    UNDROP_TRY(auto reader,
               Prepared::make(from_, fmt::format("select {} from {} as t {}", fmt::join(read, ", "), in_quotes(table.name), rest)));
    UNDROP_TRY(auto writer, Prepared::make(to_, fmt::format("insert into {} ({}) values ({})", in_quotes(table.name),
                                                            fmt::join(names, ", "), fmt::join(places, ", "))));
    for (std::size_t i = 0; i < values.size(); ++i) sqlite3_bind_value(reader.get(), static_cast<int>(i) + 1, values[i]);
    while (true) {
        if (wish_.is_cancelled()) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
        UNDROP_TRY(bool const more, reader.step());
        if (!more) return outcome::success();
        for (int i = 0; i < static_cast<int>(names.size()); ++i)
            sqlite3_bind_value(writer.get(), i + 1, sqlite3_column_value(reader.get(), i));
        auto written = writer.finish();
        sqlite3_reset(writer.get());
        if (!written) {
            auto error = std::move(written).error();
            error.message = fmt::format("the sandbox does not take a row of {}: {}", table.name, error.message);
            return error;
        }
        if (ours(table.name) != Ours::no) continue;
        ++done_;
        auto const now = std::chrono::steady_clock::now();
        if (wish_.on_rows && now - told_ >= tell_every) {
            told_ = now;
            wish_.on_rows({.table = table.name, .done = done_, .all = std::max(done_, all_)});
        }
    }
}

Result<void> Copier::copy_rows() {
    bool const sample = wish_.data.mode == DataMode::sample;
    bool const rows = sample || wish_.data.mode == DataMode::full;
    auto const wanted = wish_.rows_of_a_table();
    for (auto const& table : tables_) {
        if (!rows || ours(table.name) != Ours::no || !wish_.on_rows) continue;
        UNDROP_TRY(auto const counted, rows_of(from_, "select count(*) from " + in_quotes(table.name)));
        std::int64_t const count = std::stoll(counted.at(0).at(0).value_or("0"));
        all_ += sample ? std::min(count, wanted) : count;
    }
    for (auto const& table : tables_) {
        auto const whose = ours(table.name);
        if (whose == Ours::without_rows || (whose == Ours::no && !rows)) continue;
        if (whose != Ours::no || !sample) {
            UNDROP_CHECK(copy(table, ""));
            continue;
        }
        std::vector<std::string> key;
        for (auto const& name : table.key) key.push_back(in_quotes(name));
        if (key.empty()) {
            UNDROP_CHECK(copy(table, fmt::format("limit {}", wanted)));
            continue;
        }
        // The first and the last by their key: old rows and new ones.
        auto const columns = fmt::format("{}", fmt::join(key, ", "));
        UNDROP_CHECK(
            copy(table, fmt::format("where ({0}) in (select {0} from (select {0} from {1} order by {0} limit {2}) union select {0} from "
                                    "(select {0} from {1} order by {3} desc limit {4}))",
                                    columns, in_quotes(table.name), wanted - wanted / 2, fmt::join(key, " desc, "), wanted / 2)));
    }
    for (bool more = sample; more;) {
        more = false;
        for (auto const& table : tables_) {
            if (ours(table.name) != Ours::no) continue;
            for (auto const& key : table.keys) {
                UNDROP_TRY(bool const added, add_parents(table, key));
                more = more || added;
            }
        }
    }
    UNDROP_TRY(auto const counters, rows_of(from_, "select 1 from sqlite_schema where name = 'sqlite_sequence'"));
    if (counters.empty()) return outcome::success();
    UNDROP_CHECK(run(to_, "delete from sqlite_sequence"));
    Copied const sequence{.name = "sqlite_sequence", .columns = {{"name", {}}, {"seq", {}}}, .key = {}, .keys = {}};
    return copy(sequence, "");
}

// One step along one foreign key.
Result<bool> Copier::add_parents(Copied const& child, Key const& key) {
    auto const parent = std::find_if(tables_.begin(), tables_.end(), [&](Copied const& t) { return same_name(t.name, key.parent); });
    if (parent == tables_.end()) return false;
    std::vector<std::string> values;
    std::vector<std::string> set;
    std::vector<std::string> same;
    std::vector<std::string> wanted;
    for (std::size_t i = 0; i < key.columns.size(); ++i) {
        auto const mine = in_quotes(key.columns[i].first);
        auto const& named = key.columns[i].second;
        if (named.empty() && i >= parent->key.size()) return false;
        auto const theirs = in_quotes(named.empty() ? parent->key[i] : named);
        values.push_back("c." + mine);
        set.push_back(fmt::format("c.{} is not null", mine));
        same.push_back(fmt::format("p.{} = c.{}", theirs, mine));
        wanted.push_back(fmt::format("t.{} = ?{}", theirs, i + 1));
    }
    UNDROP_TRY(auto lacking,
               Prepared::make(to_, fmt::format("select distinct {} from {} c where {} and not exists (select 1 from {} p where {})",
                                               fmt::join(values, ", "), in_quotes(child.name), fmt::join(set, " and "),
                                               in_quotes(parent->name), fmt::join(same, " and "))));
    struct FreeValue {
        void operator()(sqlite3_value* value) const { sqlite3_value_free(value); }
    };
    std::vector<std::vector<std::unique_ptr<sqlite3_value, FreeValue>>> keys;
    while (true) {
        UNDROP_TRY(bool const more, lacking.step());
        if (!more) break;
        auto& one = keys.emplace_back();
        for (std::size_t i = 0; i < values.size(); ++i)
            one.emplace_back(sqlite3_value_dup(sqlite3_column_value(lacking.get(), static_cast<int>(i))));
    }
    auto const before = done_;
    for (auto const& one : keys) {
        std::vector<sqlite3_value*> bound;
        for (auto const& value : one) bound.push_back(value.get());
        UNDROP_CHECK(copy(*parent, fmt::format("where {}", fmt::join(wanted, " and ")), bound));
    }
    return done_ > before;  // rows without a parent may be there, where foreign keys were off
}

// A full-text index of another table's is made anew from that; what others hold is not copied.
Result<void> Copier::refresh_indexes() {
    for (auto const& name : virtual_) (void)run(to_, fmt::format("insert into {0} ({0}) values ('rebuild')", in_quotes(name)));
    return outcome::success();
}

Result<void> Copier::run_all() {
    UNDROP_CHECK(read());
    UNDROP_CHECK(put_on(wish_.data.masks));
    for (auto const* pragma : {"user_version", "application_id"}) {
        UNDROP_TRY(auto const value, rows_of(from_, fmt::format("pragma {}", pragma)));
        UNDROP_CHECK(run(to_, fmt::format("pragma {} = {}", pragma, value.at(0).at(0).value_or("0"))));
    }
    UNDROP_CHECK(run(to_, "begin"));
    UNDROP_CHECK(make(true));
    UNDROP_CHECK(copy_rows());
    UNDROP_CHECK(make(false));
    UNDROP_CHECK(refresh_indexes());
    return run(to_, "commit");
}

}  // namespace

Result<void> copy_by_rows(sqlite3* from, sqlite3* to, SandboxWish const& wish) {
    UNDROP_TRY(auto const encoding, rows_of(from, "pragma encoding"));
    UNDROP_CHECK(run(to, fmt::format("pragma encoding = '{}'; pragma foreign_keys = off", encoding.at(0).at(0).value_or("UTF-8"))));
    UNDROP_CHECK(run(from, "begin"));
    auto done = Copier(from, to, wish).run_all();
    (void)run(from, "rollback");
    if (!done) (void)run(to, "rollback");
    return done;
}

}  // namespace undrop::sqlite

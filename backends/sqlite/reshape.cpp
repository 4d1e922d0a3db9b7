// Reshape: a table gets another definition by being rebuilt, since SQLite's ALTER TABLE cannot do most of it.
//
// The old table is renamed away, the new one made from the wanted text itself, the rows are copied, the old one is dropped. That order,
// with legacy_alter_table on and foreign keys off, leaves the text of every other table as it is and fires nothing. Rows that refer to rows
// of another table may come before these: what is missing in the end is found by check_constraints().
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/loosen.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

struct Side {
    struct Part {
        std::string name;
        bool generated = false;
        bool needs_value = false;  // NOT NULL without a default
        bool is_rowid = false;
    };
    std::vector<Part> parts;
    std::string locator;  // a name for the rowid that no column has; empty: WITHOUT ROWID

    [[nodiscard]] Part const* find(std::string const& name) const {
        auto const found = std::find_if(parts.begin(), parts.end(), [&](Part const& p) { return same_name(p.name, name); });
        return found == parts.end() ? nullptr : &*found;
    }
    [[nodiscard]] bool names_rowid() const {
        return std::any_of(parts.begin(), parts.end(), [](Part const& p) { return p.is_rowid; });
    }
};

// A definition outside of tables: a view or a trigger, of the main or of the temporary schema.
struct Text {
    std::string schema;
    std::string type;
    std::string name;
    std::string table;
    std::string sql;
};

bool does_not_fit(Error const& error) {
    return error.native.starts_with("SQLITE_CONSTRAINT") || error.native.starts_with("SQLITE_MISMATCH");
}

// What a CHECK says may hold a value (P8).
Error unfitting_rows(std::int64_t rows, std::string const& table, Error const& error) {
    bool const is_check = error.native.find("CHECK constraint") != std::string::npos;
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message = fmt::format(
            "{} rows of {} hold values that its old definition does not take; they were written since the up, and nothing is changed{}",
            rows, table, is_check ? std::string{} : fmt::format(" ({})", error.native.substr(error.native.find(' ') + 1))),
        .next = {.command = "down", .advice = "change these values first, or say in the down script what becomes of them; then go back"}};
}

class Rebuild {
public:
    // `position`: of AUTOINCREMENT, where the table has lost it on the way.
    Rebuild(Connection& connection, Dialect const& dialect, std::string table, std::int64_t position = 0)
        : connection_(connection), dialect_(dialect), table_(std::move(table)), position_(position) {}

    Result<void> run(std::string const& wanted);
    // How many rows the wanted definition, with this index, does not take; leaves it in place.
    Result<std::int64_t> unfitting(std::string const& wanted, std::string const& index = {});
    Result<std::int64_t> position() { return sequence(table_); }

private:
    Result<Side> side(std::string const& table);
    Result<std::string> copy_statement(Side const& from, Side const& to, std::int64_t rows);
    Result<std::vector<Text>> texts();
    Result<std::string> other_tables();
    Result<std::string> free_name();
    Result<void> replace(std::string const& wanted, std::int64_t rows);
    Result<void> put_back(std::vector<Text> const& before);
    Result<std::int64_t> sequence(std::string const& table);
    Result<bool> has_sequence();  // of the table itself
    Result<void> fitting(Result<std::int64_t> copied);
    Result<void> exec(std::string const& sql) { return connection_.exec(sql); }

    Connection& connection_;
    Dialect const& dialect_;
    std::string table_;
    std::int64_t position_;
};

Result<Side> Rebuild::side(std::string const& table) {
    Side side;
    Table shape;
    auto const name = literal(table);
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(
                                    "select x.name, x.hidden, x.\"notnull\" and x.dflt_value is null, x.pk, lower(x.type) = 'integer' and "
                                    "(select count(*) from pragma_table_xinfo({0}, 'main') where pk > 0) = 1 and "
                                    "not exists (select 1 from pragma_index_list({0}, 'main') where origin = 'pk') from "
                                    "pragma_table_xinfo({0}, 'main') x order by x.cid",
                                    name)));
    for (auto const& row : rows) {
        bool const is_rowid = row[3] == "1" && row[4] == "1";
        side.parts.push_back(
            {.name = *row[0], .generated = row[1] != "0", .needs_value = row[2] == "1" && !is_rowid, .is_rowid = is_rowid});
        shape.columns.emplace_back().name = *row[0];
    }
    UNDROP_TRY(auto const without, connection_.number(fmt::format("select wr from pragma_table_list({}) where schema = 'main'", name)));
    shape.no_locator = without == 1;
    side.locator = dialect_.row_locator(shape);
    return side;
}

// Every column by its name, new ones by their default; row numbers are kept: others may refer to them (FTS5).
Result<std::string> Rebuild::copy_statement(Side const& from, Side const& to, std::int64_t rows) {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (auto const& part : to.parts) {
        if (part.generated) continue;
        auto const* old = from.find(part.name);
        if (old != nullptr)
            values.push_back("old_row." + quote(old->name));
        else if (part.is_rowid && !from.locator.empty())
            values.push_back("old_row." + from.locator);
        else if (part.needs_value && rows > 0)
            return refused(fmt::format("the column {} of {} is NOT NULL without a default, and nothing says what the rows get there",
                                       part.name, table_),
                           fmt::format("add a line to the migration: -- undrop: backfill {}.{} = EXPRESSION", table_, part.name));
        else
            continue;
        names.push_back(quote(part.name));
    }
    if (!from.locator.empty() && !to.locator.empty() && !to.names_rowid()) {
        names.push_back(to.locator);
        values.push_back("old_row." + from.locator);
    }
    if (names.empty()) {  // not one column in common, and no rowid on one of the sides
        if (rows == 0) return std::string{};
        return refused(fmt::format("nothing of the rows of {} fits the definition that is wanted", table_));
    }
    return fmt::format("insert into {} ({}) select {} from ", main_table(table_), fmt::join(names, ", "), fmt::join(values, ", "));
}

Result<std::vector<Text>> Rebuild::texts() {
    UNDROP_TRY(
        auto const rows,
        connection_.rows("select 'main', type, name, tbl_name, sql from main.sqlite_schema where type in ('view', 'trigger') union all "
                         "select 'temp', type, name, tbl_name, sql from temp.sqlite_schema where type in ('view', 'trigger')"));
    std::vector<Text> found;
    for (auto const& row : rows) found.push_back({*row[0], *row[1], *row[2], *row[3], row[4].value_or("")});
    return found;
}

Result<std::string> Rebuild::other_tables() {
    UNDROP_TRY(auto const rows,
               connection_.rows("select name, sql from main.sqlite_schema where type in ('table', 'index') and sql is not null and "
                                "tbl_name <> " +
                                literal(table_) + " order by type, name"));
    std::string text;
    for (auto const& row : rows) text += *row[0] + '\n' + *row[1] + '\n';
    return text;
}

Result<std::string> Rebuild::free_name() {
    for (int n = 1;; ++n) {
        auto name = fmt::format("undrop_old_{}", n);
        UNDROP_TRY(auto const taken, connection_.number("select count(*) from main.sqlite_schema where lower(name) = " + literal(name)));
        if (taken == 0) return name;
    }
}

Result<std::int64_t> Rebuild::sequence(std::string const& table) {
    UNDROP_TRY(auto const exists, connection_.number("select count(*) from main.sqlite_schema where name = 'sqlite_sequence'"));
    if (exists == 0) return std::int64_t{0};
    return connection_.number("select coalesce(max(seq), 0) from main.sqlite_sequence where name = " + literal(table));
}

Result<bool> Rebuild::has_sequence() {
    UNDROP_TRY(auto const exists, connection_.number("select count(*) from main.sqlite_schema where name = 'sqlite_sequence'"));
    if (exists == 0) return false;
    UNDROP_TRY(auto const rows, connection_.number("select count(*) from main.sqlite_sequence where name = " + literal(table_)));
    return rows > 0;
}

// A constraint that a row does not meet is the rows' matter, not a failure of SQLite's.
Result<void> Rebuild::fitting(Result<std::int64_t> copied) {
    if (copied) return outcome::success();
    auto error = std::move(copied).error();
    if (!does_not_fit(error)) return error;
    error.code = Code::refused;
    error.message = fmt::format("there are rows in {} that do not fit the definition that is wanted: {}", table_, error.message);
    error.next.advice = "say what such rows get: -- undrop: backfill TABLE.COLUMN = EXPRESSION";
    return error;
}

Result<void> Rebuild::replace(std::string const& wanted, std::int64_t rows) {
    UNDROP_TRY(auto const old, free_name());
    UNDROP_TRY(auto const found, sequence(table_));
    UNDROP_TRY(auto const counted, has_sequence());
    auto const position = std::max(found, position_);
    UNDROP_CHECK(exec(fmt::format("alter table {} rename to {}", main_table(table_), quote(old))));
    UNDROP_CHECK(exec(wanted.substr(0, wanted.rfind(';'))));
    UNDROP_TRY(auto const from, side(old));
    UNDROP_TRY(auto const to, side(table_));
    UNDROP_TRY(auto const copy, copy_statement(from, to, rows));
    if (!copy.empty()) UNDROP_CHECK(fitting(connection_.run(copy + main_table(old) + " as old_row")));
    UNDROP_CHECK(exec("drop table " + main_table(old)));
    UNDROP_TRY(auto const restarted, sequence(table_));
    UNDROP_TRY(auto const counts, has_sequence());
    if (counts && !counted && rows == 0)  // copying no row begins to count as well
        UNDROP_CHECK(exec("delete from main.sqlite_sequence where name = " + literal(table_)));
    auto const words = tokens(wanted);
    if (position > restarted && std::any_of(words.begin(), words.end(), [](Token const& word) { return word.is("AUTOINCREMENT"); }))
        UNDROP_CHECK(exec(
            fmt::format("delete from main.sqlite_sequence where name = {0}; insert into main.sqlite_sequence (name, seq) values ({0}, {1})",
                        literal(table_), position)));
    return outcome::success();
}

Result<std::int64_t> Rebuild::unfitting(std::string const& wanted, std::string const& index) {
    UNDROP_TRY(auto const old, free_name());
    UNDROP_CHECK(exec(fmt::format("alter table {} rename to {}", main_table(table_), quote(old))));
    UNDROP_CHECK(exec(wanted.substr(0, wanted.rfind(';'))));
    UNDROP_TRY(auto const from, side(old));
    UNDROP_TRY(auto const to, side(table_));
    if (from.locator.empty()) return std::int64_t{0};
    UNDROP_TRY(auto const copy, copy_statement(from, to, 1));
    if (!index.empty()) UNDROP_CHECK(exec(index));
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format("select {} from {}", from.locator, main_table(old))));
    std::int64_t failed = 0;
    for (auto const& row : rows) {
        auto const copied =
            connection_.run(fmt::format("{}{} as old_row where old_row.{} = {}", copy, main_table(old), from.locator, *row[0]));
        if (!copied && does_not_fit(copied.error())) ++failed;
    }
    return failed;
}

// Dropping a table takes the temporary triggers on it, which no catalog knows, and renaming may rewrite the texts that name it. Triggers
// of the main schema on the table itself are the catalog's.
Result<void> Rebuild::put_back(std::vector<Text> const& before) {
    UNDROP_TRY(auto const now, texts());
    for (auto const& text : before) {
        auto const found =
            std::find_if(now.begin(), now.end(), [&](Text const& t) { return t.schema == text.schema && t.name == text.name; });
        if (found == now.end() && text.schema == "main" && same_name(text.table, table_)) continue;
        if (found != now.end() && found->sql == text.sql) continue;
        if (found != now.end()) UNDROP_CHECK(exec(fmt::format("drop {} {}.{}", text.type, text.schema, quote(text.name))));
        // What is stored begins with CREATE TRIGGER for a temporary one too.
        UNDROP_CHECK(exec(text.schema == "temp" ? "CREATE TEMP" + text.sql.substr(std::string_view("CREATE").size()) : text.sql));
    }
    return outcome::success();
}

Result<void> Rebuild::run(std::string const& wanted) {
    auto const count = "select count(*) from " + main_table(table_);
    UNDROP_TRY(auto const rows, connection_.number(count));
    UNDROP_TRY(auto const others_before, other_tables());
    UNDROP_TRY(auto const texts_before, texts());
    UNDROP_CHECK(replace(wanted, rows));
    UNDROP_CHECK(put_back(texts_before));

    UNDROP_TRY(auto const copied, connection_.number(count));
    if (copied != rows) return Error{.message = fmt::format("{} had {} rows and has {} after it was rebuilt", table_, rows, copied)};
    UNDROP_TRY(auto const others, other_tables());
    if (others != others_before) return Error{.message = fmt::format("rebuilding {} changed the definition of another table", table_)};
    UNDROP_TRY(auto const made, connection_.rows("select sql from main.sqlite_schema where type = 'table' and name = " + literal(table_)));
    if (made.empty() || statement_of(made[0][0].value_or("")) != wanted)
        return Error{.message = fmt::format("{} was rebuilt, and its definition is not the one that was wanted", table_)};
    return outcome::success();
}

}  // namespace

Result<void> SqliteBackend::reshape(ObjectId const& id, Object const&, Object const& wanted) {
    if (id.kind != "table") return refused(fmt::format("there is no way to change {} into another definition", id.text()));
    if (has_deferred_violations(handle()))
        return refused(fmt::format("{} cannot be rebuilt while rows refer to rows that do not exist", id.name),
                       "let the script put its foreign keys in order");
    // A foreign key that comes back finds out at the end which rows it does not hold for.
    auto const text = tokens(wanted.make);
    if (!orphans_ && std::any_of(text.begin(), text.end(), [](Token const& token) { return token.is("REFERENCES"); })) {
        UNDROP_TRY(orphans_, violations());
    }
    Switched const foreign_keys(handle(), Switch::foreign_keys, false);
    Switched const triggers(handle(), Switch::triggers, false);
    Switched const legacy(handle(), Switch::legacy_alter_table, true);
    observer_.pause(true);  // the rows are the same before and after
    auto done = rebuild(id.name, wanted.make);
    observer_.pause(false);
    if (done && tracker_.following()) return sync(Tracker::Cause::rebuild);
    if (done) return done;
    auto error = std::move(done).error();
    error.trail.insert(error.trail.begin(), "rebuilding " + id.text());
    return error;
}

// Values that are to come back may be what the old constraints ask for: until then the table goes without those.
Result<void> SqliteBackend::rebuild(std::string const& table, std::string const& wanted) {
    auto const known = loosened_.find(lower(table));
    bool const rows_are_back = known != loosened_.end();
    auto const attempt = [&](std::string const& definition) -> Result<void> {
        UNDROP_CHECK(connection_.exec("savepoint undrop_reshape"));
        auto done = Rebuild(connection_, dialect_, table, rows_are_back ? known->second : 0).run(definition);
        if (!done && !does_not_fit(done.error())) return done;
        UNDROP_CHECK(connection_.exec(done ? "release undrop_reshape" : "rollback to undrop_reshape; release undrop_reshape"));
        return done;
    };
    auto done = attempt(wanted);
    if (done || !does_not_fit(done.error())) return done;
    if (rows_are_back) {
        UNDROP_TRY(auto const rows, Rebuild(connection_, dialect_, table).unfitting(wanted));
        return rows == 0 ? std::move(done) : unfitting_rows(rows, table, done.error());
    }
    UNDROP_TRY(auto const position, Rebuild(connection_, dialect_, table).position());
    for (auto const loose : {Loose::values, Loose::keys}) {
        auto loosely = attempt(loosened(wanted, loose));
        if (loosely) loosened_.emplace(lower(table), position);
        if (loosely || !does_not_fit(loosely.error())) return loosely;
    }
    return done;
}

bool SqliteBackend::means_unfitting(Error const& error) const { return does_not_fit(error); }

// Each row is tried by itself, in a table that is taken back at once.
Result<std::int64_t> SqliteBackend::unfitting(Table const& now, std::string const&, Object const& wanted) {
    Switched const foreign_keys(handle(), Switch::foreign_keys, false);
    Switched const triggers(handle(), Switch::triggers, false);
    Switched const legacy(handle(), Switch::legacy_alter_table, true);
    observer_.pause(true);
    auto counted = [&]() -> Result<std::int64_t> {
        UNDROP_CHECK(connection_.exec("savepoint undrop_unfitting"));
        Rebuild trial(connection_, dialect_, now.name);
        auto const* entry = tracker_.find(now.name);
        auto const is_index = wanted.make.starts_with("CREATE UNIQUE INDEX") && entry != nullptr;
        auto done = is_index ? trial.unfitting(statement_of(entry->sql), wanted.make) : trial.unfitting(wanted.make);
        UNDROP_CHECK(connection_.exec("rollback to undrop_unfitting; release undrop_unfitting"));
        return done;
    }();
    observer_.pause(false);
    return counted;
}

}  // namespace undrop::sqlite

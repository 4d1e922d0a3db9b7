// What restoring a column with its snapshot and without it have in common; and the latter.
#include <fmt/format.h>

#include "merge.hpp"
#include "restore_column.hpp"
#include "try.hpp"

namespace undrop {

bool constant(std::string const& default_sql) { return !default_sql.empty() && default_sql.find('(') == std::string::npos; }

bool drawn(Column const& column, RestoreContext const& context) {
    return context.number || (!column.default_sql.empty() && !constant(column.default_sql));
}

std::string is_filled(Dialect const& dialect, Snapshot const& s, Table const& now) {
    auto const& default_sql = s.table.column(s.column)->default_sql;
    auto const value = "t." + dialect.quote(s.column);
    auto filled = value + " is null";
    if (constant(default_sql))
        filled += " or " + dialect.same(*now.column(s.column), value, dialect.load(*now.column(s.column), default_sql));
    return filled;
}

Error no_value_for(Snapshot const& s, std::string const& which) {
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("{}; {} must not be NULL and has no default for them", which, s.column),
                 .next = {.advice = fmt::format("put `-- undrop: backfill {} = EXPRESSION` at the top of the up script's file", s.what())}};
}

Restored begun(Snapshot const& s) {
    Restored done;
    done.merged.what = s.what();
    done.merged.snapshot = s.id;
    done.merged.rows = s.rows;
    return done;
}

Result<Restored> go_without_column(Backend& backend, Snapshot const& s, Table const& now, RestoreContext const& context) {
    auto const& dialect = backend.dialect();
    auto const count = [&](std::string const& condition) -> Result<std::int64_t> {
        UNDROP_TRY(auto const rows, backend.rows(fmt::format("select count(*) from {} as t where {}", dialect.own_rows(now), condition)));
        return number_of(rows.at(0).at(0));
    };
    auto const& column = *s.table.column(s.column);
    auto done = begun(s);
    done.merged.defaulted = !context.made_by_script || !context.backfill.empty();
    auto const value = context.backfill.empty() ? column.default_sql : "(" + context.backfill + ")";
    UNDROP_TRY(auto const empty, count(fmt::format("t.{} is null", dialect.quote(s.column))));
    if (!context.made_by_script && value.empty() && context.number) {
        UNDROP_TRY(done.updated,
                   in_quiet(backend, now, [&] { return context.number(fmt::format("t.{} is null", dialect.quote(s.column))); }));
    } else if (!context.made_by_script && value.empty() && column.not_null && empty > 0)
        return no_value_for(s, fmt::format("{} rows of {} have no value without the snapshot", empty, s.table.text()));
    if (done.merged.defaulted && !value.empty()) {
        UNDROP_TRY(done.updated, fill_column(backend, now, column, value));
    }
    UNDROP_TRY(auto const total, count("true"));
    done.merged.at_default = total;
    if (!context.made_by_script) return done;
    UNDROP_TRY(done.merged.at_default, count(is_filled(dialect, s, now)));
    done.merged.computed = total - done.merged.at_default;
    return done;
}

Result<std::int64_t> fill_column(Backend& backend, Table const& now, Column const& column, std::string const& value) {
    auto const& dialect = backend.dialect();
    auto const name = dialect.quote(column.name);
    return in_quiet(backend, now, [&] {
        return backend.run(fmt::format("update {} as t set {} = {} where t.{} is null", dialect.own_rows(now), name, value, name));
    });
}

}  // namespace undrop

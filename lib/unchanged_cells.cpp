// Which cells are still what the step had left in them, before their columns get another type.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "restore_rows.hpp"
#include "try.hpp"

namespace undrop {

Result<std::string> note_unchanged(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, std::string const& rows,
                                   std::int64_t work_id) {
    if (!s.keyed()) return std::string{};
    auto const& dialect = backend.dialect();
    std::vector<std::string> definitions;
    std::vector<std::string> names;
    std::vector<std::string> expressions;
    for (std::size_t i = 0; i < s.table.key.size(); ++i) {
        auto const* column = now.column(s.table.key[i]);
        if (!column) return std::string{};
        names.push_back(fmt::format("k{}", i + 1));
        definitions.push_back(names.back() + " " + column->stored_type);
        expressions.push_back("s." + names.back());
    }
    auto const keys = fmt::format("{}", fmt::join(names, ", "));
    auto const saved = saved_rows(dialect, ledger, s, now);
    for (std::size_t i = 0; i < s.table.key.size(); ++i) {
        names.push_back(fmt::format("p{}", i + 1));  // the key that the row has by now
        definitions.push_back(names.back() + " " + now.column(s.table.key[i])->stored_type);
        expressions.push_back(fmt::format("s.{}{}", saved.key, i + 1));
    }
    bool any = false;
    for (std::size_t i = 0; i < s.values.size(); ++i) {
        auto const* column = now.column(s.values[i]);
        auto const asked = column && s.left_types[i] != s.table.column(s.values[i])->full_type() && column->full_type() == s.left_types[i];
        any = any || asked;
        names.push_back(fmt::format("u{}", i + 1));
        definitions.push_back(names.back() + " integer not null");
        expressions.push_back(
            asked ? fmt::format("case when {} then 1 else 0 end", dialect.same(*column, "t." + dialect.quote(column->name),
                                                                               dialect.load(*column, fmt::format("s.w{}", i + 1))))
                  : "0");
    }
    if (!any) return std::string{};
    auto const store = ledger.table(names::work_prefix + std::to_string(work_id));
    UNDROP_CHECK(backend.run(fmt::format("create table {} ({}, primary key ({}))", store, fmt::join(definitions, ", "), keys)));
    UNDROP_CHECK(backend.seal(store, &now));
    UNDROP_CHECK(backend.run(fmt::format("insert into {} ({}) select {} from {} join {} as t on {}", store, fmt::join(names, ", "),
                                         fmt::join(expressions, ", "), saved.from, rows, saved.join)));
    return store;
}

Result<std::int64_t> empty_cells(Backend& backend, Table const& now, Snapshot const& s, std::string const& unchanged, std::size_t value) {
    auto const& dialect = backend.dialect();
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        terms.push_back(dialect.equal(*now.column(s.table.key[i]), "t." + dialect.quote(s.table.key[i]), fmt::format("n.p{}", i + 1)));
    return backend.run(fmt::format("update {} as t set {} = null from {} as n where {} and n.u{} = 1", dialect.own_rows(now),
                                   dialect.quote(s.values[value]), unchanged, balanced(terms, " and "), value + 1));
}

}  // namespace undrop

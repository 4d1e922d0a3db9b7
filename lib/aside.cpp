#include "aside.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::vector<std::string> identity_of(Snapshot const& s) {
    std::vector<std::string> names;
    for (std::size_t i = 1; i <= s.table.key.size() && !s.told_anew; ++i) names.push_back(fmt::format("k{}", i));
    if (names.empty()) names.emplace_back("n");
    return names;
}

}  // namespace

std::string Aside::table() const { return ledger_.table(names::aside_prefix + std::to_string(s_.id)); }

std::vector<std::string> Aside::columns() const {
    auto names = identity_of(s_);
    names.insert(names.end(), {"cell", "why"});
    return names;
}

Result<bool> Aside::is_there() {
    UNDROP_TRY(auto const columns, backend_.columns_of(table()));
    return !columns.empty();
}

Result<void> Aside::drop() {
    if (s_.kind == Snapshot::Kind::sequence) return success();
    UNDROP_TRY(bool const there, is_there());
    if (there) UNDROP_CHECK(backend_.run("drop table " + table()));
    return success();
}

std::string Aside::is_row(std::string const& alias) const {
    std::vector<std::string> terms;
    for (auto const& name : identity_of(s_)) terms.push_back(fmt::format("{0}.{1} = s.{1}", alias, name));
    return balanced(terms, " and ");
}

// Identities have the types that they have in the snapshot's own table.
Result<void> Aside::make(Table const& source) {
    UNDROP_TRY(auto const columns, backend_.columns_of(ledger_.table(s_.store)));
    StoreTable made(table());
    for (auto const& name : identity_of(s_))
        for (auto const& column : columns)
            if (column.name == name) made.add_key(name, column.type, "");
    made.add_key("cell", "text not null", "");
    made.add("why", "text not null", "");
    return made.make(backend_, source);
}

Result<void> Aside::add(Table const& source, std::string const& column, std::string const& why, std::string const& from) {
    UNDROP_TRY(bool const there, is_there());
    if (!there) UNDROP_CHECK(make(source));
    auto const names = identity_of(s_);
    UNDROP_CHECK(backend_.run(fmt::format("insert into {} ({}, cell, why) select s.{}, {}, '{}' from {}", table(), fmt::join(names, ", "),
                                          fmt::join(names, ", s."), backend_.dialect().literal(column), why, from)));
    return success();
}

Result<std::map<std::string, std::int64_t>> Aside::counts(std::string const& column) {
    std::map<std::string, std::int64_t> found;
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select why, count(*) from {} where cell = {} group by why", table(),
                                                          backend_.dialect().literal(column))));
    for (auto const& row : rows) found[row[0].value_or("")] = number_of(row[1]);
    return found;
}

Result<void> Aside::forget_restored() {
    UNDROP_TRY(bool const there, is_there());
    if (!there) return success();
    UNDROP_CHECK(backend_.run(fmt::format("delete from {} where why = '{}'", table(), why::restored)));
    UNDROP_TRY(auto const left, backend_.rows(fmt::format("select 1 from {} limit 1", table())));
    return left.empty() ? drop() : Result<void>(success());
}

}  // namespace undrop

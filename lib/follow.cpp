#include "follow.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "names.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

// What a row (alias c) refers by.
std::string reference_of(Dialect const& dialect, Referring const& referring) {
    std::vector<std::string> saved;
    for (auto const& name : referring.by.columns) saved.push_back(dialect.save(*referring.child.column(name), "c." + dialect.quote(name)));
    return dialect.image(saved);
}

}  // namespace

Result<Referring> note_referring(Backend& backend, Ledger const& ledger, Table const& child, Reference const& by, std::int64_t work_id) {
    auto const& dialect = backend.dialect();
    Referring referring{child, by, ledger.table(names::work_prefix + std::to_string(work_id))};
    StoreTable noted(referring.noted);
    noted.add_key("k", "text", identity(dialect, child, "c"));
    noted.add_key("f", "text", reference_of(dialect, referring));
    UNDROP_CHECK(noted.make(backend, child));
    std::vector<std::string> given;
    for (auto const& name : by.columns) given.push_back(fmt::format("c.{} is not null", dialect.quote(name)));
    UNDROP_CHECK(noted.fill(backend, fmt::format("{} as c where {} group by 1, 2", by.rows, balanced(given, " and "))));
    return referring;
}

Result<std::int64_t> follow(Backend& backend, Ledger const& ledger, Referring const& referring, std::string const& rows,
                            std::string const& condition, std::map<std::string, std::string> const& to_be, std::int64_t work_id) {
    auto const& dialect = backend.dialect();
    auto const& by = referring.by;
    auto const store = ledger.table(names::work_prefix + std::to_string(work_id));
    std::vector<std::string> values;
    std::vector<std::string> sets;
    std::vector<std::string> refers;
    for (std::size_t i = 0; i < by.columns.size(); ++i) {
        auto const parents = "t." + dialect.quote(by.parents_columns[i]);
        auto const column = dialect.quote(by.columns[i]);
        refers.push_back(fmt::format("c.{} = {}", column, parents));
        auto const changed = to_be.find(by.parents_columns[i]);
        if (changed == to_be.end()) continue;
        auto const& own = *referring.child.column(by.columns[i]);
        values.push_back(fmt::format("{} as v{}", dialect.save(own, changed->second), values.size() + 1));
        sets.push_back(fmt::format("{} = {}", column, dialect.load(own, fmt::format("w.v{}", values.size()))));
    }
    auto const who = identity(dialect, referring.child, "c");
    UNDROP_CHECK(backend.run(fmt::format(
        "create table {} as select distinct r.k as k, {} from {} join {} as c on {} join {} as r on r.k = {} and r.f = {} where {}", store,
        fmt::join(values, ", "), rows, by.rows, balanced(refers, " and "), referring.noted, who, reference_of(dialect, referring),
        condition)));
    UNDROP_CHECK(backend.seal(store, &referring.child));
    UNDROP_TRY(auto const followed,
               backend.run(fmt::format("update {} as c set {} from {} as w where w.k = {}", by.rows, fmt::join(sets, ", "), store, who)));
    UNDROP_CHECK(backend.run("drop table " + store));
    return followed;
}

}  // namespace undrop

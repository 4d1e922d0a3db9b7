// Rows that the opposite step had inserted, and which go again.
#include <fmt/format.h>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "restore_rows.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

// Condition on t: no row but itself refers to it.
std::string in_use(Dialect const& dialect, Table const& now, std::vector<Reference> const& references) {
    std::string condition;
    for (auto const& reference : references) {
        std::vector<std::string> terms;
        for (std::size_t i = 0; i < reference.columns.size(); ++i)
            terms.push_back(fmt::format("c.{} = t.{}", dialect.quote(reference.columns[i]), dialect.quote(reference.parents_columns[i])));
        if (reference.schema == now.schema && reference.child == now.name && !now.key.empty()) {
            std::vector<std::string> itself;
            for (auto const& name : now.key) itself.push_back(fmt::format("c.{0} = t.{0}", dialect.quote(name)));
            terms.push_back(fmt::format("not ({})", balanced(itself, " and ")));
        }
        condition += fmt::format("{}exists (select 1 from {} as c where {})", condition.empty() ? "" : " or ", reference.rows,
                                 balanced(terms, " and "));
    }
    return condition.empty() ? std::string{"1 = 0"} : "(" + condition + ")";
}

// Condition on t: it is still as the step had inserted it.
std::string as_inserted(Dialect const& dialect, Ledger const& ledger, Footprint const& print, Table const& now) {
    return fmt::format("exists (select 1 from {} as f where f.k = {} and f.h = {})", ledger.table(print.store), identity(dialect, now, "t"),
                       digest_of(dialect, now, plain_columns(now), "t"));
}

}  // namespace

Result<Restored> remove_inserted(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& now,
                                 std::vector<Reference> const& references) {
    auto const& dialect = backend.dialect();
    auto const store = ledger.table(print.store);
    auto const rows = dialect.own_rows(now);
    auto const who = identity(dialect, now, "t");
    auto const unchanged = as_inserted(dialect, ledger, print, now);
    auto const used = in_use(dialect, now, references);
    auto where = fmt::format("{} and not {}", unchanged, used);
    // Of equal rows only as many are the step's as it had inserted.
    if (now.key.empty())
        where = fmt::format(
            "{0} in (select x.l from (select {0} as l, {1} as i, row_number() over (partition by {1} order by {0}) as r "
            "from {2} as t where not {3}) as x join {4} as f on f.k = x.i where x.r <= f.c)",
            dialect.row_id(now, "t"), who, rows, used, store);
    return in_quiet(backend, now, [&]() -> Result<Restored> {
        Restored done;
        done.merged.what = now.text() + " (inserted)";
        UNDROP_TRY(auto const known, backend.rows(fmt::format("select coalesce(sum(c), 0) from {}", store)));
        UNDROP_TRY(done.deleted, backend.run(fmt::format("delete from {} as t where {}", rows, where)));
        done.merged.removed = done.deleted;
        auto const present = now.key.empty() ? std::string{"1 = 0"} : fmt::format("{} and {}", unchanged, used);
        UNDROP_TRY(auto const kept, backend.rows(fmt::format("select count(*) from {} as t where {}", rows, present)));
        done.merged.in_use = number_of(kept.at(0).at(0));
        done.merged.changed_since = number_of(known.at(0).at(0)) - done.deleted - done.merged.in_use;
        return done;
    });
}

Result<std::string> note_in_use(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& now, std::int64_t work_id) {
    auto const& dialect = backend.dialect();
    StoreTable noted(ledger.table(names::work_prefix + std::to_string(work_id)));
    noted.add_key("k", "text", identity(dialect, now, "t"));
    UNDROP_CHECK(noted.make(backend, now));
    UNDROP_CHECK(noted.fill(backend, fmt::format("{} as t where {}", dialect.own_rows(now), as_inserted(dialect, ledger, print, now))));
    return noted.name();
}

Result<std::int64_t> remove_noted(Backend& backend, std::string const& noted, Table const& now, std::vector<Reference> const& references) {
    auto const& dialect = backend.dialect();
    return in_quiet(backend, now, [&] {
        return backend.run(fmt::format("delete from {} as t where exists (select 1 from {} as w where w.k = {}) and not {}",
                                       dialect.own_rows(now), noted, identity(dialect, now, "t"), in_use(dialect, now, references)));
    });
}

}  // namespace undrop

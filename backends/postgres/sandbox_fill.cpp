#include "sandbox_fill.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "ledger.hpp"
#include "made_values.hpp"
#include "names.hpp"
#include "postgres_dialect.hpp"
#include "sandbox_copy.hpp"
#include "sandbox_schema.hpp"
#include "synthetic.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr int per_major = 10000;

// Before the rows: tables without what could refuse them; after: constraints, indexes, triggers. So nothing fires, and rows may come in
// any order.
Result<void> fill_by_dump(SandboxSource& source, Place const& place, SandboxWish const& wish, bool publications) {
    // What undrop saved of rows is as private as they are, and serves no way back of what is pending: it stays where it is.
    std::vector<std::string> without;
    for (auto const* prefix : names::of_rows) without.push_back(fmt::format("{}.{}*", quote_identifier(wish.ledger), prefix));
    auto const part = [&](char const* section) {
        return copy_database(place.from, place.role, place.to, place.role_there,
                             {.section = section,
                              .snapshot = source.snapshot(),
                              .without = without,
                              .publications = publications,
                              .cancelled = wish.cancelled});
    };
    UNDROP_CHECK(part("pre-data"));
    UNDROP_TRY(auto into, connect_as(place.to, place.role_there));
    UNDROP_CHECK(copy_rows(source, *into, wish));
    into.reset();
    return part("post-data");
}

Result<void> fill_by_catalog(PostgresBackend& target, SandboxSource& source, Place const& place, SandboxWish const& wish,
                             std::vector<std::string>& notes) {
    // The catalog attaches partitions once their indexes are there: before, rows have no way to them.
    auto const with_partitions =
        std::find_if(source.tables().begin(), source.tables().end(), [](SourceTable const& table) { return table.partitioned; });
    if (wish.data.mode >= DataMode::sample && with_partitions != source.tables().end())
        return Error{.code = Code::refused,
                     .left = Left::untouched,
                     .message = fmt::format("rows of {}, which has partitions, are copied only where pg_dump makes the schema",
                                            with_partitions->text()),
                     .next = {.advice = fmt::format("Install postgresql-client-{}, or rehearse with --data synthetic.",
                                                    target.connection().server_version() / per_major)}};
    UNDROP_TRY(auto const script, schema_script(target, wish.ledger));
    if (!script.unknown.empty())
        notes.push_back(fmt::format("the sandbox is without what undrop does not know how to make: {}", fmt::join(script.unknown, ", ")));
    UNDROP_TRY(auto into, connect_as(place.to, place.role_there));
    UNDROP_CHECK(run_all(*into, script.settings, script.before_rows));
    bool has_ledger = false;
    for (auto const& table : source.tables()) has_ledger = has_ledger || table.ours;
    Options options;
    options.ledger = wish.ledger;
    if (has_ledger) {
        UNDROP_TRY(auto worker, connect_as(place.to, place.acts_as));
        UNDROP_CHECK(Ledger(*worker, wish.ledger).ensure(options));
    }
    UNDROP_CHECK(copy_rows(source, *into, wish));
    return run_all(*into, script.settings, script.after_rows);
}

// How far a pg_dump is, as the target's server tells (PostgreSQL 14 and later).
class Onlooker {
public:
    Onlooker(PostgresBackend& target, SandboxWish const& wish) : target_(target), wish_(wish) {}
    Onlooker(Onlooker const&) = delete;
    Onlooker& operator=(Onlooker const&) = delete;

    [[nodiscard]] std::function<void()> asked() {
        if (!wish_.on_rows || target_.connection().server_version() < 14 * per_major) return {};
        auto const all = target_.rows(
            "select coalesce(pg_catalog.sum(greatest(c.reltuples, 0)), 0)::pg_catalog.int8 from pg_catalog.pg_class c where c.relkind "
            "operator(pg_catalog.=) 'r' and c.oid operator(pg_catalog.>=) 16384::pg_catalog.oid");
        if (all) all_ = std::stoll(all.value().at(0).at(0).value_or("0"));
        return [this] { look(); };
    }

private:
    void look() {
        auto const now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::milliseconds(300)) return;
        last_ = now;
        auto const copied = target_.rows(
            "select p.relid::pg_catalog.regclass::pg_catalog.text, p.tuples_processed from pg_catalog.pg_stat_progress_copy p join "
            "pg_catalog.pg_stat_activity a on a.pid operator(pg_catalog.=) p.pid where a.application_name operator(pg_catalog.=) 'pg_dump' "
            "and a.usename operator(pg_catalog.=) session_user and p.datname operator(pg_catalog.=) pg_catalog.current_database() and "
            "p.command operator(pg_catalog.=) 'COPY TO'");
        if (!copied || copied.value().empty()) return;
        auto const table = copied.value()[0][0].value_or("");
        rows_[table] = std::stoll(copied.value()[0][1].value_or("0"));
        std::int64_t done = 0;
        for (auto const& [name, rows] : rows_) done += rows;
        wish_.on_rows({.table = table, .done = done, .all = std::max(done, all_)});
    }

    PostgresBackend& target_;
    SandboxWish const& wish_;
    std::map<std::string, std::int64_t> rows_;  // of each table, as it was seen last
    std::int64_t all_ = 0;
    std::chrono::steady_clock::time_point last_;
};

// Published rows without a replica identity cannot be updated: a copy without its publications takes what the target does not.
Result<bool> takes_publications(PostgresBackend& target, Place const& place, Sandbox& sandbox) {
    UNDROP_TRY(auto into, connect_as(place.to, place.role_there));
    UNDROP_TRY(auto const left_out, publications_left_out(target, *into));
    if (!left_out.empty())
        sandbox.notes.push_back(fmt::format("the sandbox is without the target's publications, since the role cannot make all of them: {}",
                                            fmt::join(left_out, ", ")));
    return left_out.empty();
}

Result<void> make_rows(Place const& place, SandboxWish const& wish, Sandbox& sandbox) {
    UNDROP_TRY(auto into, connect_as(place.to, place.role_there));
    MadeValues values(*into);
    return make_synthetic_rows(*into, values, wish, sandbox);
}

}  // namespace

Result<void> fill(PostgresBackend& target, SandboxSource* source, Place const& place, SandboxWish const& wish, bool own_server,
                  Sandbox& sandbox) {
    if (wish.data.mode == DataMode::migrations) return success();
    auto const server = target.connection().server_version() / per_major;
    auto const dump = pg_dump_version();
    bool const too_old = dump > 0 && dump < server;
    if (!source) {
        if (too_old)
            return Error{.code = Code::refused,
                         .left = Left::untouched,
                         .message = fmt::format("the target is PostgreSQL {}, and pg_dump on the PATH is of version {}", server, dump),
                         .next = {.advice = fmt::format("Install postgresql-client-{}, or rehearse with --data sample.", server)}};
        UNDROP_TRY(bool const publications, takes_publications(target, place, sandbox));
        Onlooker onlooker(target, wish);
        return copy_database(place.from, place.role, place.to, place.role_there,
                             {.publications = publications, .cancelled = wish.cancelled, .meanwhile = onlooker.asked()});
    }
    bool publications = true;
    if (dump == 0 || too_old) {
        sandbox.notes.push_back(too_old
                                    ? fmt::format("the schema is as undrop's own catalog has it: pg_dump {} is older than the target", dump)
                                    : "the schema is as undrop's own catalog has it: there is no pg_dump on the PATH");
        UNDROP_CHECK(fill_by_catalog(target, *source, place, wish, sandbox.notes));
    } else {
        UNDROP_TRY(publications, takes_publications(target, place, sandbox));
        UNDROP_CHECK(fill_by_dump(*source, place, wish, publications));
    }
    UNDROP_TRY(auto made, connect_as(place.to, place.role_there));
    UNDROP_CHECK(set_positions(*source, *made));
    UNDROP_TRY(auto difference, schema_difference(target, *made, wish.ledger, own_server, publications));
    if (!difference.empty()) sandbox.notes.push_back(std::move(difference));
    made.reset();
    return wish.data.mode == DataMode::synthetic ? make_rows(place, wish, sandbox) : Result<void>(success());
}

}  // namespace undrop::postgres

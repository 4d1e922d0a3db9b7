#include "sandbox_schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "schema_order.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr std::size_t most_named = 3;

// Name, owner, and whether only a superuser can make it.
constexpr char const* publications_query = R"(
select p.pubname, r.rolname,
       p.puballtables or exists (select from pg_catalog.pg_depend d where d.classid = 6237 and d.refclassid = 6104 and d.refobjid = p.oid)
from pg_catalog.pg_publication p join pg_catalog.pg_roles r on r.oid = p.pubowner order by 1)";

Result<WholeSchema> described(PostgresBackend& backend, std::string const& ledger) {
    UNDROP_CHECK(backend.begin_reading());
    auto whole = backend.describe(ledger);
    backend.rollback();
    return whole;
}

bool of_publications(ObjectId const& id) { return id.kind.find("publication") != std::string::npos; }
bool of_roles(ObjectId const& id) { return id.kind.starts_with("owner") || id.kind.starts_with("grants"); }

}  // namespace

Result<SchemaScript> schema_script(PostgresBackend& target, std::string const& ledger) {
    UNDROP_CHECK(target.begin_reading());
    auto made = [&]() -> Result<SchemaScript> {
        UNDROP_TRY(auto whole, target.describe(ledger));
        UNDROP_TRY(auto const ordered, in_running_order(whole.catalog, [&](ObjectId const& id) { return target.stand_in(id); }));
        SchemaScript script{.settings = whole.settings, .before_rows = {}, .after_rows = {}, .unknown = whole.unknown};
        for (auto const& id : ordered.circular) script.unknown.push_back(id.text());
        bool after = false;
        for (auto const& object : ordered.objects) {
            auto const found = whole.catalog.find({object.kind, object.parent, object.name});
            after = after || (found != whole.catalog.end() && found->second.section == Section::after_data);
            (after ? script.after_rows : script.before_rows).push_back(object.sql);
        }
        return script;
    }();
    target.rollback();
    return made;
}

Result<void> run_all(PostgresBackend& sandbox, std::string const& settings, std::vector<std::string> const& statements) {
    UNDROP_CHECK(sandbox.run("begin"));
    auto done = [&]() -> Result<void> {
        UNDROP_CHECK(sandbox.run(settings));
        for (auto const& statement : statements)
            if (!statement.empty()) UNDROP_CHECK(sandbox.run(statement));
        UNDROP_CHECK(sandbox.run("commit; reset all"));
        return success();
    }();
    if (done) return done;
    (void)sandbox.run("rollback");
    auto error = std::move(done).error();
    error.code = Code::refused;
    error.left = Left::untouched;
    error.message = "the target's schema cannot be made in the sandbox: " + error.message;
    if (error.next.advice.empty()) error.next.advice = "With pg_dump and psql of the target's version on the PATH, these make it.";
    return error;
}

Result<std::vector<std::string>> publications_left_out(PostgresBackend& target, PostgresBackend& sandbox) {
    std::vector<std::string> found;
    UNDROP_TRY(auto const there, target.rows(publications_query));
    if (there.empty()) return found;
    UNDROP_TRY(auto const makes_all, sandbox.rows("select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user"));
    if (makes_all.at(0).at(0) == "t") return found;
    for (auto const& row : there) {
        UNDROP_TRY(auto const member, sandbox.rows(fmt::format("select pg_catalog.pg_has_role(r.oid, 'MEMBER') from pg_catalog.pg_roles r "
                                                               "where r.rolname = {}",
                                                               quote_literal(row[1].value_or("")))));
        if (row[2] == "t" || member.empty() || member[0][0] != "t") found.push_back(row[0].value_or(""));
    }
    return found;
}

Result<std::string> schema_difference(PostgresBackend& target, PostgresBackend& sandbox, std::string const& ledger, bool own_server,
                                      bool publications) {
    UNDROP_TRY(auto const there, described(target, ledger));
    UNDROP_TRY(auto const here, described(sandbox, ledger));
    std::vector<std::string> differ;
    auto const counts = [&](ObjectId const& id) { return (publications || !of_publications(id)) && (own_server || !of_roles(id)); };
    for (auto const& [id, object] : there.catalog) {
        auto const found = here.catalog.find(id);
        if (counts(id) && (found == here.catalog.end() || !found->second.same(object))) differ.push_back(id.text());
    }
    for (auto const& [id, object] : here.catalog)
        if (counts(id) && !there.catalog.contains(id)) differ.push_back(id.text());
    if (differ.empty()) return std::string{};
    auto const count = differ.size();
    differ.resize(std::min(count, most_named));
    return fmt::format("the sandbox's schema is not the target's in {} {}: {}{}", count, count == 1 ? "object" : "objects",
                       fmt::join(differ, ", "), count > most_named ? " ..." : "");
}

}  // namespace undrop::postgres

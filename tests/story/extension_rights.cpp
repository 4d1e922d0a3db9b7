// Rights on what belongs to an extension: its members are no objects of the user's, but who may use them is.
#include "story/story.hpp"

#include "support/server.hpp"
#include "support/witness.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

std::string dump_of(std::string const& url) { return without_noise(output_of("pg_dump --schema-only -N undrop -d " + shell_quoted(url))); }

}  // namespace

ON_POSTGRES("rights on an extension's members come back, revoked, granted or gone with the extension (P5)") {
    auto const url = with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"));
    auto const superuser = connect_postgres(url);
    superuser->run(
        "create extension pg_trgm; create extension hstore; revoke execute on function hstore(text, text) from public;"
        "grant usage on type hstore to undrop_reader");
    auto const before = dump_of(url);
    for (auto const* sql : {"revoke execute on function similarity(text, text) from public",
                            "grant execute on function similarity(text, text) to undrop_reader",
                            "grant usage on type hstore to undrop_owner", "revoke all on type hstore from undrop_reader",
                            "grant execute on function hstore(text, text) to public", "drop extension hstore", "drop extension pg_trgm"}) {
        CAPTURE(sql);
        auto target = Target::open(url).value();
        auto const plan = plan_up(target, source_of({{sql}}));
        REQUIRE(plan);
        auto const done = apply(target, approve(plan.value()).value());
        REQUIRE_MESSAGE(done, done.error().text());
        CHECK_NE(dump_of(url), before);
        auto const back = plan_down(target, source_of({{sql}}));
        REQUIRE(back);
        auto const undone = apply(target, approve(back.value()).value());
        REQUIRE_MESSAGE(undone, undone.error().text());
        CHECK_EQ(dump_of(url), before);
    }
}

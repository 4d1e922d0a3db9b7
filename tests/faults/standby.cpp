// Servers that take no writes: a hot standby, and one that its owner has made read-only.
#include <chrono>
#include <thread>

#include "story/story.hpp"
#include "support/server.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Source const& two_steps() {
    static auto const source =
        source_of({{"create table t (id int primary key, c text); insert into t values (1, 'a')"}, {"alter table t drop column c"}});
    return source;
}

Range const first_only{.to = "1"};

Result<Report> up_to(std::string const& url, Range const& range) {
    auto target = Target::open(url).value();
    return apply(target, approve(plan_up(target, two_steps(), range).value()).value());
}

void wait_for(std::string const& url, std::string const& question) {
    auto const session = connect_postgres(url);
    while (session->one(question) != "t") std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

}  // namespace

TEST_CASE("faults: a standby is named as one, nothing is changed, status and plan work, and a list of hosts finds the primary") {
    Server primary;
    auto const standby = primary.standby();
    REQUIRE(up_to(primary.url(), first_only));
    wait_for(standby->url(), "select to_regclass('undrop.journal') is not null");
    wait_for(standby->url(), "select count(*) = 1 from undrop.event where kind = 'applied'");

    auto target = Target::open(standby->url()).value();
    CHECK_EQ(status(target, two_steps()).value().pending.size(), 1);
    CHECK_EQ(plan_up(target, two_steps()).value().steps.size(), 1);
    CHECK(plan_down(target, two_steps()).has_value());
    CHECK_EQ(log(target).value().size(), 1);
    for (auto const& error :
         {up_to(standby->url(), {}).error(), migrate(target, two_steps()).error(), rehearse(target, two_steps()).error()}) {
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.message, "standby"));
        CHECK(has(error.next.advice, "target_session_attrs=read-write"));
    }
    CHECK_EQ(connect_postgres(primary.url())->count("select count(*) from undrop.event"), 1);

    // As the advice says.
    auto const both =
        "postgresql:///shop?host=" + standby->socket() + "," + primary.socket() + "&port=5432&user=owner&target_session_attrs=read-write";
    REQUIRE(up_to(both, {}));
    CHECK_EQ(connect_postgres(primary.url())->count("select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'c'"),
             0);

    // The failover itself: the standby takes over with all that it has got, and is migrated like any server.
    wait_for(standby->url(), "select count(*) = 2 from undrop.event where kind = 'applied'");
    primary.kill_postmaster();
    auto const superuser = connect_postgres("postgresql:///shop?host=" + standby->socket() + "&port=5432&user=postgres");
    CHECK_EQ(superuser->one("select pg_promote()"), "t");
    auto promoted = Target::open(standby->url()).value();
    auto const back = apply(promoted, approve(plan_down(promoted, two_steps()).value()).value());
    REQUIRE(back);
    CHECK_EQ(connect_postgres(standby->url())->one("select c from t"), "a");
}

ON_POSTGRES("faults: a database that its owner has made read-only is left alone until somebody says otherwise") {
    db.run("create table t (id int)");
    db.run("do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t add column c text"}});
    auto const error = up_error(db, source);
    CAPTURE(error.text());
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "default_transaction_read_only is on"));
    CHECK(has(error.next.advice, "target_session_attrs=read-write"));
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    CHECK_EQ(status(target, source).value().pending.size(), 1);
    CHECK_EQ(plan_up(target, source).value().steps.size(), 1);
    auto said = Target::open(db.url() + "&options=-c%20default_transaction_read_only%3Doff").value();
    CHECK_EQ(migrate(said, source).value().steps.size(), 1);
}

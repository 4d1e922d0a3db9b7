#include "script_writes.hpp"

#include <doctest/doctest.h>

using namespace undrop;

namespace {

ScriptWrites of(std::string const& text) { return script_writes({{.text = text}}); }

}  // namespace

TEST_CASE("script writes: what reads nothing but the row that it writes, by its text") {
    for (auto const* text :
         {"update t set a = b || ' ' || c", "UPDATE t SET a = substring(b FROM 1 FOR 2) WHERE c IS DISTINCT FROM 'x'",
          "insert into new (id, a) select id, b || c from main.old where b is not null", "insert into new select * from \"select\""})
        CHECK_MESSAGE(of(text).all_row_alone(), text);
    CHECK(script_writes({{.text = "alter table t add column a text"}, {.text = "update t set a = lower(b)"}, {.text = "drop table u"}})
              .all_row_alone());
    auto const read = of("update only shop.\"My Table\" set a = lower(b) || \"Mine\"(c)");
    CHECK(read.writes.at(0).calls == std::set<std::string>{"lower", "mine"});
    CHECK(read.writes.at(0).target == "my table");
    CHECK(of("insert into a.t (x) select u.* from u").writes.at(0).all_columns);
}

TEST_CASE("script writes: what reads other rows, or may, and what computes nothing") {
    for (auto const* text : {"update t set a = (select b from u where u.id = t.id)", "update t set a = u.b from u where u.id = t.id",
                             "insert into t select id, b from u join v using (id)", "insert into t select id, b from u, v",
                             "insert into t select id, b from u v, w", "insert into t select id, sum(b) from u group by id"}) {
        CHECK_MESSAGE(of(text).known, text);
        CHECK_MESSAGE(!of(text).all_row_alone(), text);
        CHECK_MESSAGE(of(text).writes.at(0).target == "t", text);
        CHECK_MESSAGE(of(text).writes.at(0).names.contains("u"), text);
    }
    for (auto const* text : {"do $$ begin update t set a = b; end $$", "select fill()", "with x as (select 1) update t set a = b",
                             "delete from t using u where u.id = t.id", "call fix()"})
        CHECK_MESSAGE(!of(text).known, text);
    for (auto const* text :
         {"alter table t add column a text", "-- nothing", "insert into t values (1, 'select')", "delete from t where a = 1"}) {
        CHECK_MESSAGE(of(text).known, text);
        CHECK_MESSAGE(of(text).writes.empty(), text);
    }
    CHECK(!script_writes({{.text = "update t set a = b"}, {.text = "call fix()"}}).all_row_alone());
}

// Once more: an application makes use of what the up newly allows.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rehearsal/rehearsal.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

Scripts const goods{
    "create table goods (id integer primary key, code text, stock integer, constraint enough check (stock >= 0));\n"
    "create unique index one_code on goods (code);\n"
    "insert into goods values (1, 'a', 5), (2, 'b', 6), (3, 'c', 7)",
    "drop table goods"};

Rehearsed last(Database& db, Scripts const& step, Scripts const& first = goods) {
    auto const evidence =
        rehearsed(db, source_of({first, step, {"create table after_it (id integer primary key)", "drop table after_it"}}));
    INFO(text_of(evidence));
    // Nothing of it is left.
    REQUIRE(evidence.migrations.size() == 3);
    CHECK(evidence.migrations.back().grade == Grade::exact);
    return evidence.migrations.at(1);
}

void check_refused(Database& db, Rehearsed const& one, std::string const& column, std::string const& why) {
    CHECK_MESSAGE(one.grade == Grade::exact, one.reason);
    auto const text = "where an application has written to " + db.named(column) + " what the up newly allows, the down is refused: ";
    REQUIRE_MESSAGE(mentions(one.notes, text), fmt::format("{}", fmt::join(one.notes, "\n")));
    CHECK(one.refused_in_use);
    CHECK_MESSAGE(mentions(one.notes, why), fmt::format("{}", fmt::join(one.notes, "\n")));
}

}  // namespace

ON_BOTH("newly allowed: the same value twice, once its unique index is gone") {
    auto const why = db.either("one_code", "goods.code");
    check_refused(db, last(db, {"drop index one_code", "create unique index one_code on goods (code)"}), "goods.code", why);
    check_refused(db, last(db, {"drop index one_code"}), "goods.code", why);
}

ON_BOTH("newly allowed: what a check refused") {
    auto const without = db.either("alter table goods drop constraint enough",
                                   "create table n (id integer primary key, code text, stock integer); insert into n select * from goods; "
                                   "drop table goods; alter table n rename to goods; create unique index one_code on goods (code)");
    check_refused(db, last(db, {without}), "goods.stock", db.either("enough", "that its old definition does not take"));
}

ON_POSTGRES("newly allowed: a label") {
    Scripts const first{
        "create type color as enum ('red', 'blue'); create table cars (id integer primary key, color color not null); "
        "insert into cars values (1, 'red'), (2, 'blue')",
        "drop table cars; drop type color"};
    check_refused(db, last(db, {"alter type color add value 'green'"}, first), "cars.color", "green");
}

ON_POSTGRES("newly allowed: what a domain's check refused") {
    Scripts const first{
        "create domain percent as integer constraint enough check (value <= 100); create table cars (id integer primary key, "
        "tax percent); insert into cars values (1, 5), (2, 100)",
        "drop table cars; drop domain percent"};
    check_refused(db, last(db, {"alter domain percent drop constraint enough"}, first), "cars.tax", "violate");
}

ON_POSTGRES("newly allowed: a row that refers to none") {
    Scripts const first{
        "create table owners (id integer primary key); insert into owners values (1), (2); create table cars (id integer "
        "primary key, owner integer constraint owned references owners); insert into cars values (1, 1), (2, null)",
        "drop table cars; drop table owners"};
    check_refused(db, last(db, {"alter table cars drop constraint owned"}, first), "cars.owner", "owned");
}

ON_POSTGRES("newly allowed: a down script that makes it fit loses it") {
    auto const one = last(db, {"alter table goods drop constraint enough",
                               "update goods set stock = 0 where stock < 0; alter table goods add constraint enough check (stock >= 0)"});
    CHECK(one.grade == Grade::lossy);
    CHECK_MESSAGE(has(one.reason, "values written to stock after the up are lost: 1 of public.goods"), one.reason);
}

ON_BOTH("newly allowed: rules that stay, and new ones, are none") {
    auto const one = last(db, {"create unique index another on goods (stock)", "drop index another"});
    CHECK(one.grade == Grade::exact);
    CHECK(one.notes.empty());
}

ON_POSTGRES("newly allowed: what a narrower type did not take") {
    auto const clamped = last(db, {"alter table goods alter stock type bigint",
                                   "alter table goods alter stock type integer using least(stock, 2147483647)::integer"});
    CHECK(clamped.grade == Grade::lossy);
    CHECK_MESSAGE(has(clamped.reason, "values written to stock after the up are lost: 1 of public.goods"), clamped.reason);
    auto const refused = last(db, {"alter table goods alter stock type bigint", "alter table goods alter stock type integer"});
    CHECK(refused.refused_in_use);
    Scripts const first{"create table cars (id integer primary key, name varchar(10)); insert into cars values (1, 'ann'), (2, 'bob')",
                        "drop table cars"};
    auto const cut =
        last(db, {"alter table cars alter name type text", "alter table cars alter name type varchar(10) using left(name, 10)"}, first);
    CHECK(cut.grade == Grade::lossy);
    CHECK_MESSAGE(has(cut.reason, "values written to name after the up are lost: 1 of public.cars"), cut.reason);
}

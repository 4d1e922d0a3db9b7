// rehearse --data, --seed, --mask: how they are given, and what is refused.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

TEST_CASE("rehearse takes every mode of data, and its last line does the same again") {
    Shop const desk;
    for (auto const* mode : {"schema", "synthetic", "synthetic:20", "sample", "sample:3", "full"}) {
        auto const rehearsal = desk.shop({"rehearse", "--data", mode});
        CHECK_MESSAGE(rehearsal.status == 0, mode << ": " << rehearsal.err);
    }
    desk.migration("3_bad", "create table bad (id integer);", "drop table bad; insert into participants (note) values ('new');");
    auto const rehearsal = desk.shop({"rehearse", "--data", "sample:3", "--mask", "participants.role='viewer'"});
    CHECK(rehearsal.status == 3);
    CHECK_MESSAGE(has(rehearsal.out, "--data sample:3 --mask 'participants.role='\\''viewer'\\''' 3"), rehearsal.out);
}

TEST_CASE("a mask's names may stand in quotes") {
    Desk const desk;
    desk.sql("create table \"T.x\" (id integer primary key, \"E=mail\" text); insert into \"T.x\" values (1, 'real'), (2, 'real')");
    desk.migration("1_a", "alter table \"T.x\" add column n text; update \"T.x\" set n = \"E=mail\";",
                   "alter table \"T.x\" drop column n; update \"T.x\" set \"E=mail\" = '';");
    auto const rehearsal = desk.run({"--db", desk.url(), "rehearse", "--data", "full", "--show-rows", "--no-writes", "--derive", "--mask",
                                     "\"T.x\".\"E=mail\"='m' || id"});
    CHECK_MESSAGE(rehearsal.status == 0, rehearsal.err << rehearsal.out);
}

TEST_CASE("rehearse refuses data that makes no sense, with what to type") {
    Shop const desk;
    auto const refused = [&](std::vector<std::string> words, std::string const& why) {
        words.insert(words.begin(), "rehearse");
        auto const outcome = desk.shop(words);
        CHECK_MESSAGE(outcome.status == 2, outcome.err);
        CHECK_MESSAGE(has(outcome.err, why), outcome.err);
    };
    refused({"--data", "some"}, "schema, synthetic, sample and full");
    refused({"--data", "full:3"}, "synthetic and sample");
    refused({"--data", "sample:0"}, "from 1 on");
    refused({"--data", "sample:1e9"}, "from 1 on");
    refused({"--seed", "2"}, "--data synthetic");
    refused({"--data", "sample", "--seed", "2"}, "--data synthetic");
    refused({"--data", "synthetic", "--mask", "t.c=1"}, "--data sample or full");
    refused({"--data", "sample", "--mask", "tc=1"}, "TABLE.COLUMN=EXPRESSION");
    refused({"--data", "sample", "--mask", "nothing.here=1"}, "names no table");
    refused({"--data", "sample", "--mask", "\"participants.role\"=1"}, "TABLE.COLUMN=EXPRESSION");
    refused({"--data", "sample", "--mask", "\"a.b\".\"c\"\"=d\"=1"}, "the mask a.b.c\"=d names no table");
    refused({"--data", "sample", "--all"}, "--all");
}

TEST_CASE("rehearse shows on a terminal how far the sandbox is filled") {
    Shop const desk;
    CHECK(has(desk.on_terminal({"--db", desk.url(), "rehearse", "--data", "sample:50"}, "").out, "filling   participants ["));
    CHECK_FALSE(has(desk.shop({"rehearse", "--data", "sample:50"}).err, "filling"));
}

// What only SQLite has: full-text indexes that read another table, which find what is there also after the way back; and tables that are
// built anew, where foreign keys are on, off by the script, and off by the connection.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* indexed =
    "create table t (id integer primary key, body text, extra text);"
    "create virtual table f using fts5(body, content='t', content_rowid='id');"
    "create trigger t_ai after insert on t begin insert into f (rowid, body) values (new.id, new.body); end;"
    "create trigger t_ad after delete on t begin insert into f (f, rowid, body) values ('delete', old.id, old.body); end;"
    "create trigger t_au after update on t begin insert into f (f, rowid, body) values ('delete', old.id, old.body);"
    " insert into f (rowid, body) values (new.id, new.body); end;"
    "insert into t values (1, 'hello world', 'x'), (2, 'other words', 'y'), (3, 'more words', null)";

std::string finds(Database& db, std::string const& word) {
    return db.table("select rowid from f where f match '" + word + "' order by rowid");
}

void is_sound(Database& db) {
    CHECK_NOTHROW(db.run("insert into f (f) values ('integrity-check')"));
    CHECK_NOTHROW(db.run("insert into f (f, rank) values ('integrity-check', 1)"));  // against the table
}

}  // namespace

ON_SQLITE("story: an index that triggers keep finds the rows that came back, and not those that went") {
    db.run(indexed);
    auto const source =
        source_of({{"update t set body = 'new text' where id = 1;\ndelete from t where id = 2;\n"
                    "insert into t values (10, 'inserted words', null)"}});
    (void)up(db, source);
    CHECK_EQ(finds(db, "words"), "3\n10");
    db.run("insert into t values (20, 'written words', null)");
    (void)down(db, source);
    CHECK_EQ(finds(db, "hello"), "1");
    CHECK_EQ(finds(db, "words"), "2\n3\n20");
    CHECK_EQ(finds(db, "new"), "");
    is_sound(db);
    (void)up(db, source);
    CHECK_EQ(finds(db, "words"), "3\n10\n20");
    is_sound(db);
}

ON_SQLITE("story: an index whose table is built anew, and one that is dropped, find everything again") {
    db.run(indexed);
    auto const source =
        source_of({{"drop trigger t_ai;\ndrop trigger t_ad;\ndrop trigger t_au;\ndrop table f"}, {"alter table t drop column extra"}});
    constexpr auto definitions = "select type, name, sql from sqlite_schema where tbl_name not like 'undrop%' order by 1, 2";
    auto const before = db.table(definitions);
    (void)up(db, source);
    db.run("insert into t (id, body) values (4, 'late words')");
    (void)down(db, source, {}, {.to = "0"});
    CHECK_EQ(finds(db, "words"), "2\n3\n4");
    is_sound(db);
    CHECK_EQ(db.table(definitions), before);
    db.run("insert into t values (5, 'last words', null)");
    CHECK_EQ(finds(db, "words"), "2\n3\n4\n5");
}

ON_SQLITE("story: what a full-text table keeps its data in may be written to by nobody but itself, also in a down script") {
    db.run("create virtual table f using fts5(body); insert into f values ('one')");
    auto const source = source_of({{"create table t (id integer primary key)", "delete from f_data;\ndrop table t"}});
    (void)up(db, source);
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.message.find("f_data"), std::string::npos);
    check_unchanged(before, witness(db));
    db.run("delete from f_data");  // undrop leaves nobody on the defensive
}

ON_SQLITE("story: a table that others refer to is built anew where the connection has foreign keys off, and nothing of theirs is touched") {
    db.run(
        "create table p (id integer primary key, name text, gone text);"
        "create table k (id integer primary key, p integer references p on delete cascade);"
        "insert into p values (1, 'a', 'x'), (2, 'b', null); insert into k values (1, 1), (2, 2)");
    auto const source =
        source_of({{"create table p_new (id integer primary key, name text);\ninsert into p_new select id, name from p;\n"
                    "drop table p;\nalter table p_new rename to p"}});
    auto const before = witness(db);
    CHECK_NE(up_error(db, source).next.advice.find("PRAGMA foreign_keys=OFF"), std::string::npos);
    check_unchanged(before, witness(db));

    auto target = Target::open(db.url() + "?foreign_keys=off").value();
    auto const went = migrate(target, source);
    REQUIRE_MESSAGE(went.has_value(), went.error().message);
    CHECK_EQ(saved(went.value().steps.at(0), "p.gone").rows, 2);
    CHECK_EQ(db.count("select count(*) from k"), 2);
    db.run("insert into p values (3, 'new'); insert into k values (3, 3); delete from p where id = 2");
    (void)down(db, source);
    CHECK_EQ(db.table("select * from p order by id"), "1|a|x\n3|new|NULL");
    CHECK_EQ(db.table("select id, p from k order by id"), "1|1\n3|3");
}

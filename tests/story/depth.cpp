// To any depth: up and down in whatever step sizes, with users' writes between each two moves; what users wrote last is there wherever it
// can be, and nothing else has changed.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

Report carried_out(Target& target, Result<Plan> plan, Options const& options = {}) {
    if (!plan) FAIL(plan.error().text());
    auto done = apply(target, approve(std::move(plan).value()).value(), options);
    if (!done) FAIL(done.error().text());
    return std::move(done).value();
}

std::string people(Database& db, std::string const& columns) { return db.table("select " + columns + " from people order by id"); }

}  // namespace

ON_BOTH("depth: up, write, down, write, up, write, down, redo: every row is what was written last, by hand") {
    db.run(
        "create table people (id integer primary key, name text, role text default 'viewer');"
        "insert into people values (1, 'ada', 'admin'), (2, 'bob', 'editor'), (3, 'cyd', 'admin'), (4, 'dan', 'editor'), (5, 'eve', "
        "'viewer')");
    auto const source = source_of(
        {{"alter table people drop column role;\nalter table people add column mail text;\nupdate people set mail = name || '@x';\n"
          "delete from people where id = 5;\n"}});

    (void)up(db, source);
    CHECK_EQ(people(db, "id, name, mail"), "1|ada|ada@x\n2|bob|bob@x\n3|cyd|cyd@x\n4|dan|dan@x");
    db.run(
        "update people set mail = 'ada@home' where id = 1; delete from people where id = 2; update people set name = 'cyd2' where id = 3; "
        "insert into people values (6, 'fay', 'fay@x')");

    (void)down(db, source);
    CHECK_EQ(people(db, "id, name, role"), "1|ada|admin\n3|cyd2|admin\n4|dan|editor\n5|eve|viewer\n6|fay|viewer");
    db.run(
        "update people set role = 'owner' where id = 4; insert into people values (7, 'gil', 'editor'); delete from people where id = 5; "
        "update people set name = 'Ada' where id = 1");

    (void)up(db, source);
    CHECK_EQ(people(db, "id, name, mail"), "1|Ada|ada@home\n3|cyd2|cyd2@x\n4|dan|dan@x\n6|fay|fay@x\n7|gil|gil@x");
    db.run("update people set mail = null where id = 4; update people set mail = 'gil@home' where id = 7");

    (void)down(db, source);
    CHECK_EQ(people(db, "id, name, role"), "1|Ada|admin\n3|cyd2|admin\n4|dan|owner\n6|fay|viewer\n7|gil|editor");
    db.run("update people set role = 'guest' where id = 1; insert into people (id, name) values (8, 'hal')");

    (void)up(db, source);
    (void)down(db, source);
    CHECK_EQ(people(db, "id, name, role"), "1|Ada|guest\n3|cyd2|admin\n4|dan|owner\n6|fay|viewer\n7|gil|editor\n8|hal|viewer");
    (void)up(db, source);
    CHECK_EQ(people(db, "id, name, mail"), "1|Ada|ada@home\n3|cyd2|cyd2@x\n4|dan|NULL\n6|fay|fay@x\n7|gil|gil@home\n8|hal|hal@x");
}

namespace {

// Seven migrations on one table and two others: columns added by odd ones, dropped by even ones, a table made, a table dropped.
constexpr int last = 7;

std::vector<Scripts> seven() {
    return {{"alter table t add column e1 text default 'new';"},
            {"alter table t drop column d2;", "alter table t add column d2 text default 'old';"},
            {"alter table t add column e3 text default 'new';", "alter table t drop column e3;"},
            {"alter table t drop column d4;"},
            {"alter table t add column e5 text default 'new';"},
            {"create table notes (id integer primary key, what text);\ninsert into notes values (1, 'own');", "drop table notes;"},
            {"drop table legacy;"}};
}

// What users wrote, by rows of tables: by hand and without a thought of snapshots.
class Users {
public:
    explicit Users(Database& db) : db_(db) {
        db.run(
            "create table t (id integer primary key, name text, d2 text default 'old', d4 text default 'old');"
            "insert into t values (1, 'a', 'x', 'x'), (2, 'b', 'x', 'x'), (3, 'c', 'x', 'x');"
            "create table legacy (id integer primary key, what text); insert into legacy values (1, 'old'), (2, 'old')");
        for (int id = 1; id <= 3; ++id)
            t_[id] = {{"name", std::string(1, static_cast<char>('a' + id - 1))},
                      {"d2", "x"},
                      {"d4", "x"},
                      {"e1", "new"},
                      {"e3", "new"},
                      {"e5", "new"}};
        legacy_ = {{1, "old"}, {2, "old"}};
    }

    void write(int depth, int move) {
        auto const value = fmt::format("u{}", move);
        auto const columns = columns_at(depth);
        auto const& column = columns[static_cast<std::size_t>(move) % columns.size()];
        auto const row = std::next(t_.begin(), move % static_cast<int>(t_.size()))->first;
        set("t", row, column, value);
        t_[row][column] = value;
        auto const fresh = 100 + move;
        db_.run(fmt::format("insert into t (id, name) values ({}, 'new')", fresh));
        t_[fresh] = {{"name", "new"}, {"d2", "old"}, {"d4", "old"}, {"e1", "new"}, {"e3", "new"}, {"e5", "new"}};
        if (move % 4 == 3) {
            db_.run(fmt::format("delete from t where id = {}", 100 + move - 2));
            t_.erase(100 + move - 2);
        }
        if (depth >= 6) insert("notes", notes_, fresh, value);
        if (depth < 7) {
            insert("legacy", legacy_, fresh, value);
            set("legacy", 1, "what", value);
            legacy_[1] = value;
        }
    }

    void check(int depth) const {
        CAPTURE(depth);
        std::string wanted;
        auto const columns = columns_at(depth);
        for (auto const& [id, row] : t_) {
            wanted += fmt::format("{}{}", wanted.empty() ? "" : "\n", id);
            for (auto const& column : columns) wanted += "|" + row.at(column);
        }
        CHECK_EQ(db_.table(fmt::format("select id, {} from t order by id", fmt::join(columns, ", "))), wanted);
        auto notes = notes_;
        notes[1] = "own";
        CHECK_EQ(there("notes"), depth >= 6 ? text(notes) : "no table");
        CHECK_EQ(there("legacy"), depth < 7 ? text(legacy_) : "no table");
    }

private:
    using Plain = std::map<int, std::string>;
    static std::vector<std::string> columns_at(int depth) {
        std::vector<std::string> columns{"name"};
        for (int k = 1; k <= 5; ++k)
            if ((k % 2 == 1) == (depth >= k)) columns.push_back(fmt::format("{}{}", k % 2 == 1 ? "e" : "d", k));
        return columns;
    }
    void set(char const* table, int row, std::string const& column, std::string const& value) const {
        db_.run(fmt::format("update {} set {} = '{}' where id = {}", table, column, value, row));
    }
    void insert(char const* table, Plain& rows, int id, std::string const& value) const {
        db_.run(fmt::format("insert into {} values ({}, '{}')", table, id, value));
        rows[id] = value;
    }
    static std::string text(Plain const& rows) {
        std::string out;
        for (auto const& [id, what] : rows) out += fmt::format("{}{}|{}", out.empty() ? "" : "\n", id, what);
        return out;
    }
    [[nodiscard]] std::string there(std::string const& table) const {
        try {
            return db_.table("select id, what from " + table + " order by id");
        } catch (Refused const&) {
            return "no table";
        }
    }

    Database& db_;
    std::map<int, std::map<std::string, std::string>> t_;
    Plain notes_;
    Plain legacy_;
};

// One move, and how many steps it is, or the version that it goes to.
struct Move {
    enum class Kind { forth, released, back, run_back, label_back, to, redo };
    Kind kind{};
    int n = 0;
};
using K = Move::Kind;

std::vector<Move> const& walk() {
    static std::vector<Move> const moves{
        {K::forth, 5},      {K::back, 2},     {K::back, 3},     {K::forth, 1},    {K::forth, 4},    {K::run_back, 4}, {K::released, 6},
        {K::label_back, 6}, {K::forth, 1},    {K::to, 7},       {K::to, 2},       {K::redo, 1},     {K::to, 6},       {K::back, 1},
        {K::forth, 2},      {K::run_back, 2}, {K::forth, 2},    {K::redo, 1},     {K::to, 0},       {K::forth, 3},    {K::released, 3},
        {K::run_back, 3},   {K::back, 3},     {K::released, 7}, {K::run_back, 7}, {K::released, 7}, {K::back, 6},     {K::redo, 1},
        {K::forth, 6},      {K::to, 4},       {K::to, 5},       {K::to, 1},       {K::redo, 1},     {K::released, 6}, {K::back, 2},
        {K::label_back, 4}, {K::to, 7},       {K::to, 3},       {K::forth, 4},    {K::run_back, 4}, {K::back, 3}};
    return moves;
}

// Gives the depth after it.
int make(Database& db, Source const& source, Move const& move, int depth) {
    auto target = Target::open(db.url()).value();
    auto const gone_back = [&](Range const& range) {
        CHECK_EQ(carried_out(target, plan_down(target, source, range)).steps.size(), move.n);
        return depth - move.n;
    };
    switch (move.kind) {
        case K::forth:
        case K::released:
            (void)carried_out(target, plan_up(target, source, {.steps = move.n}), {.label = move.kind == K::released ? "release" : ""});
            return depth + move.n;
        case K::back:
            return gone_back({.steps = move.n});
        case K::run_back:
            return gone_back({.run = 0});
        case K::label_back:
            return gone_back({.label = "release"});
        case K::to:
            (void)carried_out(target, plan_to(target, source, std::to_string(move.n)));
            return move.n;
        case K::redo:
            break;
    }
    (void)carried_out(target, plan_down(target, source));
    (void)carried_out(target, plan_up(target, source, {.steps = 1}));
    return depth;
}

}  // namespace

ON_BOTH("depth: seven migrations in all step sizes, by runs, labels and versions: without writes each depth is one and the same") {
    Users const users(db);
    auto const source = source_of(seven());
    std::vector<Witness> at{witness(db)};
    for (int depth = 1; depth <= last; ++depth) {
        (void)make(db, source, {K::forth, 1}, depth - 1);
        at.push_back(witness(db));
    }
    int depth = make(db, source, {K::back, last}, last);
    check_same(at[0], witness(db));
    // Half of the walk, for each witness takes a pg_dump.
    for (std::size_t n = 0; n < walk().size() / 2; ++n) {
        CAPTURE(n);
        depth = make(db, source, walk()[n], depth);
        check_same(at.at(static_cast<std::size_t>(depth)), witness(db));
    }
}

ON_BOTH("depth: the same with users' writes between each two moves: what users wrote last is there at each depth") {
    Users users(db);
    auto const source = source_of(seven());
    int depth = 0;
    int number = 0;
    for (auto const& move : walk()) {
        CAPTURE(number);
        depth = make(db, source, move, depth);
        users.check(depth);
        users.write(depth, ++number);
        users.check(depth);
    }
}

ON_BOTH("depth: an atomic run whose third step fails takes back the first two, and keeps what users wrote in between") {
    db.run(
        "create table t (id integer primary key, a text, b text); insert into t values (1, 'a1', 'b1'), (2, 'a2', 'b2'), (3, 'a3', 'b3');"
        "create table legacy (id integer primary key, what text); insert into legacy values (1, 'old')");
    auto const before = witness(db);
    auto const steps = [](std::string const& third) {
        return source_of(
            {{"alter table t drop column b;\nalter table t add column c text default 'new';"}, {"drop table legacy;"}, {third}});
    };
    auto const failing = steps("update t set a = 'no';\nselect nothing_like_this;");
    auto const untouched = up_error(db, failing, {.atomic = true});
    CHECK_EQ(untouched.left, Left::rolled_back);
    check_same(before, witness(db));

    auto const user = db.connect();
    Options options{.atomic = true};
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::committed && event.direction == Direction::up && event.version == "2")
            user->run(
                "update t set a = 'mine' where id = 1; update t set c = 'mine' where id = 2; delete from t where id = 3; "
                "insert into t (id, a) values (4, 'a4')");
    };
    auto const error = up_error(db, failing, options);
    CHECK_EQ(error.left, Left::rolled_back);
    check_same_schema(before, witness(db));
    CHECK_EQ(db.table("select id, a, b from t order by id"), "1|mine|b1\n2|a2|b2\n4|a4|NULL");
    CHECK_EQ(db.table("select id, what from legacy"), "1|old");
    auto target = Target::open(db.url()).value();
    CHECK(status(target, failing).value().applied.empty());

    // Once it is put right, what users wrote into the new column meanwhile is there again.
    (void)up(db, steps("update t set a = upper(a);"), {.atomic = true});
    CHECK_EQ(db.table("select id, a, c from t order by id"), "1|MINE|new\n2|A2|mine\n4|A4|new");
    CHECK(status(target, steps("update t set a = upper(a);")).value().clean());
}

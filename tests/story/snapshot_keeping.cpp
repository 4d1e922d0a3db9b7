// Snapshots over the years: purged, erased from, carried elsewhere and back.
#include <algorithm>
#include <utility>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* people =
    "create table people (id integer primary key, name text not null, role text default 'viewer');"
    "insert into people values (1, 'Ann', 'admin'), (2, 'Bob', 'editor'), (3, 'Cy', null)";

Source losing(std::string const& directive = "") {
    return source_of({{directive + "alter table people drop column role;"}, {"delete from people where id = 3;"}});
}

std::string store(Database const& db, std::string const& table) { return db.either("undrop.", "undrop_") + table; }

Target open(Database& db) { return Target::open(db.url()).value(); }

std::vector<SnapshotInfo> listed(Database& db) {
    auto target = open(db);
    return snapshots(target).value();
}

SnapshotInfo info_of(Database& db, std::string const& what) {
    auto const all = listed(db);
    auto const found = std::find_if(all.begin(), all.end(), [&](SnapshotInfo const& s) { return s.what == what; });
    REQUIRE_MESSAGE(found != all.end(), what);
    return *found;
}

bool holds(Database& db) {
    auto target = open(db);
    return verify_snapshots(target).value().holds();
}

Purge purged(Database& db, PurgeWish const& wish) {
    auto target = open(db);
    return purge_snapshots(target, plan_purge(target, wish).value()).value();
}

LogEntry last_event(Database& db) {
    auto target = open(db);
    return log(target).value().back();
}

// Tables of rows in the store, by the database's own word.
std::int64_t tables_of_rows(Database& db) {
    return db.count(
        db.either("select count(*) from pg_tables where schemaname = 'undrop' and tablename like 'snapshot\\__%'",
                  "select count(*) from sqlite_schema where type = 'table' and name like 'undrop\\_snapshot\\__%' escape '\\'"));
}

std::string exported(Database& db, std::vector<std::int64_t> const& ids = {}) {
    auto target = open(db);
    std::string bytes;
    auto const done = export_snapshots(
        target,
        [&](std::string_view piece) -> Result<void> {
            bytes += piece;
            return BOOST_OUTCOME_V2_NAMESPACE::success();
        },
        ids);
    REQUIRE_MESSAGE(done.has_value(), done.error().text());
    return bytes;
}

// In pieces of so many bytes.
Result<Imported> imported(Database& db, std::string const& bytes, std::size_t piece = 100) {
    auto target = open(db);
    std::size_t at = 0;
    return import_snapshots(target, [&]() -> Result<std::string> {
        auto const next = bytes.substr(std::min(at, bytes.size()), piece);
        at += next.size();
        return next;
    });
}

// What a tool of zstd's own makes of it.
std::string decompressed(std::string const& bytes) {
    Directory const directory;
    directory.write("export.zst", bytes);
    return output_of("zstd -dcq " + shell_quoted(directory.path() + "/export.zst"));
}

std::string compressed(std::string const& text) {
    Directory const directory;
    directory.write("text", text);
    return output_of("zstd -cq " + shell_quoted(directory.path() + "/text"));
}

std::string everything(Database& db) {
    return db.postgres() ? without_noise(output_of("pg_dump --no-owner " + shell_quoted(db.location())))
                         : output_of("sqlite3 " + shell_quoted(db.location()) + " .dump");
}

}  // namespace

ON_BOTH("snapshots: a purge says what becomes irreversible, and the way back says what was purged") {
    db.run(people);
    (void)up(db, losing());
    auto const role = info_of(db, db.named("people.role"));
    CHECK_EQ(role.needed_by, "down 1");
    CHECK_FALSE(role.purged);
    auto const done = purged(db, {.ids = {role.id}});
    REQUIRE_EQ(done.snapshots.size(), 1);
    REQUIRE_EQ(done.irreversible.size(), 1);
    CHECK_EQ(done.irreversible[0], "1 step: down does not bring back " + db.named("people.role"));
    CHECK_EQ(tables_of_rows(db), 1);
    CHECK(info_of(db, db.named("people.role")).purged);
    CHECK(holds(db));
    auto const event = last_event(db);
    CHECK_EQ(event.kind, "purged");
    CHECK_NE(event.detail.find("people.role"), std::string::npos);
    auto target = open(db);
    CHECK_EQ(status(target, losing()).value().applied.at(0).purged, 1);
    CHECK_EQ(status(target, losing()).value().applied.at(1).purged, 0);
    CHECK_EQ(status(target, losing()).value().snapshots, 1);
    CHECK_EQ(snapshot_rows(target, role.id).error().code, Code::refused);

    (void)down(db, losing());  // 2, which has its snapshot
    auto const plan = plan_down(target, losing()).value();
    CHECK_FALSE(plan.go());
    CHECK_EQ(down_error(db, losing()).next.command, "down --without-snapshot");
    auto const back = down(db, losing(), {.without_snapshot = true});
    CHECK_EQ(merged(back.steps.at(0), db.named("people.role")).at_default, 3);
    CHECK_EQ(db.table("select * from people order by id"), "1|Ann|viewer\n2|Bob|viewer\n3|Cy|viewer");
    CHECK(purged(db, {.ids = {role.id}}).snapshots.empty());
}

ON_BOTH("snapshots: a purge by age takes the old ones, and `keep` keeps them") {
    db.run(people);
    (void)up(db, losing("-- undrop: keep 90d\n"));
    using std::chrono::hours;
    CHECK(purged(db, {.older_than = hours{24}}).snapshots.empty());
    // As if a month had gone by; the ledger is insert-only to undrop, not to us.
    auto const month_ago = db.either("to_char(now() at time zone 'utc' - interval '30 days', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                                     "strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now', '-30 days')");
    db.run("update " + store(db, "event") + " set at = " + month_ago);
    auto const done = purged(db, {.older_than = hours{24 * 29}});
    REQUIRE_EQ(done.snapshots.size(), 1);
    CHECK_EQ(done.snapshots[0].version, "2");
    REQUIRE_EQ(done.kept.size(), 1);
    CHECK_NE(done.kept[0].why.find("keep"), std::string::npos);
    CHECK_EQ(purged(db, {.all = true}).kept.size(), 1);
    CHECK_EQ(tables_of_rows(db), 1);
    // Who names it means it.
    CHECK_EQ(purged(db, {.ids = {info_of(db, db.named("people.role")).id}}).snapshots.size(), 1);
    CHECK_EQ(tables_of_rows(db), 0);
}

ON_BOTH("snapshots: Options::keep_snapshots purges after a run, and only what is old enough") {
    db.run(people);
    auto const month_ago = db.either("to_char(now() at time zone 'utc' - interval '30 days', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                                     "strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now', '-30 days')");
    auto target = open(db);
    (void)apply(target, approve(plan_up(target, losing(), {.steps = 1}).value()).value()).value();
    db.run("update " + store(db, "event") + " set at = " + month_ago);
    auto const report = migrate(target, losing(), {.keep_snapshots = std::chrono::hours{24 * 7}}).value();
    CHECK_EQ(report.steps.size(), 1);
    REQUIRE_FALSE(report.findings.empty());
    CHECK_EQ(report.findings.back().code, "purged");
    CHECK_NE(report.findings.back().text.find("down does not bring back"), std::string::npos);
    CHECK_EQ(tables_of_rows(db), 1);
    CHECK(info_of(db, db.named("people.role")).purged);
    CHECK_EQ(hours_of("2w").value().count(), 24 * 14);
    for (auto const* wrong : {"", "d", "3", "3 d", "-3d", "3m"}) CHECK_EQ(hours_of(wrong).error().code, Code::usage);
}

ON_BOTH("snapshots: one person's rows go from every snapshot and footprint, and the rest verifies and comes back") {
    db.run(people);
    auto const source = source_of({{"alter table people drop column role;"},
                                   {"update people set name = upper(name);"},
                                   {"delete from people where id = 2;"},
                                   {"insert into people values (7, 'Own'), (8, 'New');"}});
    (void)up(db, source);
    auto const digests = [&] {
        return db.count("select count(*) from " +
                        store(db, db.one("select store from " + store(db, "footprint") + " where made_of = 'rows'")));
    };
    CHECK_EQ(digests(), 2);
    auto target = open(db);
    auto const done = erase_from_snapshots(target, {.table = "people", .key = {{"", "2"}}}).value();
    CHECK_EQ(done.rows, 3);
    CHECK_EQ(done.snapshots.size(), 3);
    CHECK(done.not_searched.empty());
    CHECK(holds(db));
    CHECK_EQ(info_of(db, db.named("people.role")).rows, 2);
    for (auto const& info : listed(db)) {
        CAPTURE(info.what);
        if (!info.store.empty()) CHECK_EQ(db.count("select count(*) from " + store(db, info.store) + " where k1 = 2"), 0);
    }
    // P8: by which column and how many, and no value.
    auto const event = last_event(db);
    CHECK_EQ(event.kind, "erased");
    CHECK_NE(event.detail.find("\"rows\":3"), std::string::npos);
    CHECK_EQ(event.detail.find("Bob"), std::string::npos);

    auto const own = erase_from_snapshots(target, {.table = db.named("people"), .key = {{"id", "7"}}}).value();
    CHECK_EQ(own.rows, 0);
    CHECK_EQ(own.digests, 1);
    CHECK_EQ(digests(), 1);

    (void)down(db, source, {}, {.to = "0"});
    CHECK_EQ(db.table("select * from people order by id"), "1|Ann|admin\n3|Cy|NULL\n7|Own|viewer");
}

ON_BOTH("snapshots: rows are erased by any column that snapshots have, and others are named") {
    db.run(
        "create table orders (id integer primary key, customer text, item text);"
        "insert into orders values (1, 'it''s me', 'a'), (2, 'you', 'b'), (3, 'it''s me', 'c');"
        "create table log (who text, what text); insert into log values ('me', 'x'), ('me', 'x'), ('you', 'y')");
    (void)up(db, source_of({{"alter table orders drop column item;\ndrop table log;"}, {"drop table orders;"}}));
    auto target = open(db);
    auto const done = erase_from_snapshots(target, {.table = "orders", .key = {{"customer", "it's me"}}}).value();
    CHECK_EQ(done.rows, 2);
    REQUIRE_EQ(done.not_searched.size(), 1);
    CHECK_NE(done.not_searched[0].find("orders.item (it has id, item)"), std::string::npos);
    CHECK_EQ(erase_from_snapshots(target, {.table = "log", .key = {{"who", "me"}, {"what", "x"}}}).value().rows, 2);
    CHECK(holds(db));
    CHECK_EQ(erase_from_snapshots(target, {.table = "log", .key = {{"", "me"}}}).error().code, Code::usage);
    CHECK_EQ(erase_from_snapshots(target, {.table = "nobody", .key = {{"", "1"}}}).error().code, Code::usage);
    CHECK_EQ(erase_from_snapshots(target, {.table = "orders", .key = {}}).error().code, Code::usage);
}

ON_BOTH("snapshots: an export brings back what was purged, tampered with or lost, every byte of it") {
    db.run("create table t (id integer primary key, a text, b " + db.either("bytea", "blob") + ", f double precision, n " +
           db.either("numeric", "any") + ")");
    db.run(std::string("insert into t values (1, 'tab\there\nline\\ back\\\\slash \\N', ") + db.either("'\\x000a5cff'", "x'000a5cff'") +
           ", 0.1, 12345678901234567890.5), (2, null, null, null, null), (3, '', " + db.either("''", "x''") +
           ", 1e300, 0), (4, 'Zürich 東京 🙂', null, -0.0, 1)");
    db.run("insert into t (id, a) values (5, " + db.either("repeat('x', 3000000)", "replace(hex(zeroblob(1500000)), '0', 'x')") + ")");
    db.run("create table keyless (v text); insert into keyless values ('x'), ('x'), (null)");
    auto const source = source_of({{"drop table keyless;\nupdate t set a = 'new' where id < 3;"}, {"drop table t;"}});
    auto const before = witness(db);
    (void)up(db, source);
    auto const store_before = everything(db);
    auto const bytes = exported(db);
    CHECK_LT(bytes.size(), 100'000);

    // Nothing to do where all is well.
    auto const idle = imported(db, bytes);
    REQUIRE_MESSAGE(idle.has_value(), idle.error().text());
    CHECK(idle.value().snapshots.empty());
    CHECK_EQ(idle.value().there.size(), listed(db).size());
    check_same_text(store_before, everything(db));

    (void)purged(db, {.ids = {info_of(db, db.named("t")).id}});
    db.run("drop table " + store(db, info_of(db, db.named("keyless")).store));
    db.run("delete from " + store(db, info_of(db, db.named("t (a)")).store));
    auto const done = imported(db, bytes, 1'000'000);
    REQUIRE_MESSAGE(done.has_value(), done.error().text());
    CHECK_EQ(done.value().snapshots.size(), 3);
    CHECK(holds(db));
    CHECK_EQ(last_event(db).kind, "imported");
    (void)down(db, source, {}, {.to = "0"});
    check_same(before, witness(db));
}

ON_BOTH("snapshots: an export goes into a database that was rebuilt from a dump without the saved rows") {
    db.run(people);
    auto const before = witness(db);
    (void)up(db, losing());
    auto const bytes = exported(db);
    auto const copy = Database::make(db.engine());
    auto const from = shell_quoted(db.location());
    auto const to = shell_quoted(copy->location());
    (void)output_of(
        db.either("pg_dump --no-owner --exclude-table-data='undrop.snapshot_[0-9]*' " + from + " | psql -qX -v ON_ERROR_STOP=1 " + to,
                  "sqlite3 " + from + " '.dump' | sqlite3 -bail " + to));
    if (!db.postgres())
        for (auto const& info : listed(db)) copy->run("delete from " + store(db, info.store));
    CHECK_FALSE(holds(*copy));
    CHECK_EQ(down_error(*copy, losing()).code, Code::refused);
    auto const done = imported(*copy, bytes);
    REQUIRE_MESSAGE(done.has_value(), done.error().text());
    CHECK_EQ(done.value().snapshots.size(), 2);
    CHECK(holds(*copy));
    (void)down(*copy, losing(), {}, {.to = "0"});
    check_same(before, witness(*copy));
}

ON_BOTH("snapshots: what is damaged, cut off or of another database is refused before anything changes") {
    db.run(people);
    (void)up(db, losing());
    auto const bytes = exported(db);
    auto const plain = decompressed(bytes);
    (void)purged(db, {.all = true});
    auto const before = everything(db);
    auto const refused = [&](std::string const& stream, std::string const& words) {
        auto const done = imported(db, stream);
        REQUIRE_FALSE(done.has_value());
        CHECK_EQ(done.error().code, Code::refused);
        CHECK_MESSAGE(done.error().message.find(words) != std::string::npos, done.error().message);
        check_same_text(before, everything(db));
    };
    refused("", "it ends in the middle");
    refused("not zstd at all", "zstd says");
    for (auto const size : {std::size_t{1}, bytes.size() / 2, bytes.size() - 1}) refused(bytes.substr(0, size), "it ends in the middle");
    auto flipped = bytes;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    CHECK_EQ(imported(db, flipped).error().code, Code::refused);
    refused(bytes + bytes, "after its end");
    refused(compressed("{}\n"), "first line");
    refused(compressed(plain.substr(0, plain.rfind("{\"sha256\""))), "last line is missing");
    auto const with = [&](std::string const& from, std::string const& to) {
        auto text = plain;
        auto const at = text.find(from);
        REQUIRE_NE(at, std::string::npos);
        return compressed(text.replace(at, from.size(), to));
    };
    refused(with("editor", "root"), "");
    refused(with("editor", "edi\ttor"), "is not one of this table");
    refused(with("admin\n", "admin\n\\N\tu\tx\n"), "");
    refused(with("\"format\":2", "\"format\":3"), "format 3");
    refused(with("\"rows\":\"", "\"rows\":\"x"), "was written by x");
    refused(with("\"version\":\"1\"", "\"version\":\"9\""), "another database");
    refused(with(db.either("\"type\":\"text", "\"type\":\"TEXT"), "\"type\":\"text default 'x'"), "");
    refused(with("\"name\":\"v1\"", "\"name\":\"v1 text, x\""), "other columns");
    auto const other = Database::make(db.engine());
    other->run(people);
    (void)up(*other, losing());
    refused(exported(*other), "another database");
    REQUIRE(imported(db, bytes).has_value());
    CHECK(holds(db));
}

ON_BOTH("snapshots: an export or import that is interrupted, or whose file fails, changes nothing") {
    db.run(people);
    (void)up(db, losing());
    auto const bytes = exported(db);
    (void)purged(db, {.ids = {info_of(db, db.named("people.role")).id}});
    auto const before = everything(db);
    auto target = open(db);
    Options const stopping{.cancelled = [] { return true; }};
    auto const whole = [&, given = false]() mutable -> Result<std::string> { return std::exchange(given, true) ? std::string{} : bytes; };
    CHECK_EQ(import_snapshots(target, whole, stopping).error().code, Code::interrupted);
    check_same_text(before, everything(db));
    auto const no_disk = [](auto const&...) { return Error{.message = "the disk is on fire"}; };
    auto const failing = [&, given = false]() mutable -> Result<std::string> {
        if (std::exchange(given, true)) return no_disk();
        return bytes.substr(0, bytes.size() / 2);
    };
    CHECK_EQ(import_snapshots(target, failing).error().message, "the disk is on fire");
    check_same_text(before, everything(db));
    auto const nowhere = [&](std::string_view piece) -> Result<void> { return no_disk(piece); };
    CHECK_EQ(export_snapshots(target, nowhere).error().message, "the disk is on fire");
    // The connection is good for more.
    CHECK_EQ(export_snapshots(
                 target, [](std::string_view) -> Result<void> { return BOOST_OUTCOME_V2_NAMESPACE::success(); }, {}, stopping)
                 .error()
                 .code,
             Code::interrupted);
    CHECK(imported(db, bytes).has_value());
    CHECK(verify_snapshots(target).value().holds());
}

ON_BOTH("snapshots: an export of before an erasure does not bring the erased rows back") {
    db.run(people);
    (void)up(db, losing());
    auto const bytes = exported(db);
    auto target = open(db);
    CHECK_EQ(erase_from_snapshots(target, {.table = "people", .key = {{"", "1"}}}).value().rows, 1);
    auto const error = imported(db, bytes).error();
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.message.find("erased"), std::string::npos);
    CHECK(imported(db, exported(db)).has_value());
}

ON_POSTGRES("snapshots: an imported snapshot is its owner's alone, as it was") {
    db.run(people);
    (void)up(db, losing());
    auto const bytes = exported(db);
    auto const shape = [&] {
        return db.table(
            "select a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation from pg_class c join pg_attribute a "
            "on a.attrelid = c.oid and a.attnum > 0 where c.relnamespace = 'undrop'::regnamespace and c.relkind = 'r' and "
            "c.relname like 'snapshot\\__%' order by c.relname, a.attnum");
    };
    auto const before = shape();
    (void)purged(db, {.all = true});
    db.run("alter default privileges grant select on tables to public");
    REQUIRE(imported(db, bytes).has_value());
    CHECK_EQ(db.count("select count(*) from pg_class c cross join lateral aclexplode(c.relacl) x where c.relnamespace = "
                      "'undrop'::regnamespace and x.grantee <> c.relowner"),
             0);
    CHECK_EQ(shape(), before);
}

// Exports carry what was kept aside of snapshots; older ones, which do not, are still imported.
#include <algorithm>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* people =
    "create table people (id integer primary key, name text not null, role text default 'viewer');"
    "insert into people values (1, 'Ann', 'admin'), (2, 'Bob', 'editor'), (3, 'Cy', null)";

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

// Of what is saved three are not put back: a value was written since, a row is gone, and another row has the key.
Source taking_values() { return source_of({{"update people set role = 'none'; delete from people where id = 4;"}}); }

std::string people_written_since(Database& db) {
    db.run(people);
    db.run("insert into people values (4, 'Di', 'owner')");
    (void)up(db, taking_values());
    db.run("update people set role = 'theirs' where id = 2; delete from people where id = 3; insert into people values (4, 'Eve', 'own')");
    (void)down(db, taking_values());
    return db.table("select * from people order by id");
}

std::vector<std::string> kept_aside(Database& db, std::int64_t id) {
    auto target = open(db);
    std::vector<std::string> lines;
    auto const shown = snapshot_conflicts(target, id).value();
    for (auto const& row : shown.rows) {
        lines.push_back(row.why + "|" + row.column);
        for (auto const& value : row.values) lines.back() += "|" + value.value_or("NULL");
    }
    return lines;
}

}  // namespace

ON_BOTH("snapshots: an export carries what was kept aside, and import brings it back with the snapshot") {
    CHECK_EQ(people_written_since(db), "1|Ann|admin\n2|Bob|theirs\n4|Eve|own");
    auto const role = info_of(db, db.named("people (role)")).id;
    auto const rows = info_of(db, db.named("people (deleted)")).id;
    auto const of_role = std::vector<std::string>{"changed_since|role|2|editor", "deleted_since||3|NULL"};
    auto const of_rows = std::vector<std::string>{"key_taken||4|Di|owner"};
    REQUIRE_EQ(kept_aside(db, role), of_role);
    REQUIRE_EQ(kept_aside(db, rows), of_rows);
    auto const bytes = exported(db);
    auto const store_before = everything(db);
    REQUIRE(imported(db, bytes).has_value());  // all is there
    check_same_text(store_before, everything(db));

    (void)purged(db, {.all = true});
    if (db.postgres()) db.run("alter default privileges grant select on tables to public");
    auto const done = imported(db, bytes, 7);
    REQUIRE_MESSAGE(done.has_value(), done.error().text());
    CHECK_EQ(done.value().snapshots.size(), listed(db).size());
    CHECK(holds(db));
    CHECK_EQ(kept_aside(db, role), of_role);
    CHECK_EQ(kept_aside(db, rows), of_rows);
    if (db.postgres())  // P8
        CHECK_EQ(db.count("select count(*) from pg_class c cross join lateral aclexplode(c.relacl) x where c.relnamespace = "
                          "'undrop'::regnamespace and x.grantee <> c.relowner"),
                 0);
    // A snapshot that is there and well keeps what is kept aside of it now.
    db.run("delete from " + store(db, "aside_" + std::to_string(rows)));
    (void)purged(db, {.ids = {role}});
    REQUIRE(imported(db, bytes).has_value());
    CHECK_EQ(kept_aside(db, role), of_role);
    CHECK(kept_aside(db, rows).empty());
}

ON_BOTH("snapshots: an older export, without what was kept aside, is still imported; a wrong one is refused") {
    (void)people_written_since(db);
    auto const role = info_of(db, db.named("people (role)")).id;
    auto const plain = decompressed(exported(db, {role}));
    auto const begins = plain.find("{\"aside\"");
    REQUIRE_NE(begins, std::string::npos);
    auto const ends = plain.rfind("{\"sha256\"");
    auto const sealed = [](std::string text) {  // by a tool of its own
        Directory const directory;
        directory.write("text", text);
        auto const sum = output_of("sha256sum < " + shell_quoted(directory.path() + "/text")).substr(0, 64);
        return compressed(text + "{\"sha256\":\"" + sum + "\"}\n");
    };
    (void)purged(db, {.all = true});
    auto const before = everything(db);
    auto const refused = [&](std::string const& stream, std::string const& words) {
        auto const done = imported(db, stream);
        REQUIRE_FALSE(done.has_value());
        CHECK_MESSAGE(done.error().message.find(words) != std::string::npos, done.error().message);
        check_same_text(before, everything(db));
    };
    auto const whole = plain.substr(0, ends);
    auto const with = [&](std::string const& from, std::string const& to) {
        auto text = whole;
        auto const at = text.find(from, begins);
        REQUIRE_NE(at, std::string::npos);
        return sealed(text.replace(at, from.size(), to));
    };
    refused(compressed(std::string(plain).replace(begins + 2, 5, "besid")), "a snapshot's line cannot be read");
    refused(with("{\"aside\":" + std::to_string(role), "{\"aside\":99"), "is of no snapshot before it");
    refused(with("\"cell\"", "\"cell, x\""), "has other columns");
    refused(with("\"rows\":2", "\"rows\":\"2\""), "cannot be read");
    refused(with("\"rows\":2", "\"rows\":4"), "");
    refused(with("\"rows\":2", "\"rows\":1"), "");
    refused(with(db.either("\n2\t", "\ni2\t"), db.either("\n7\t", "\ni7\t")), "rows that it does not have");
    refused(compressed(whole + plain.substr(ends).replace(12, 4, "zzzz")), "its SHA-256 is another");

    auto old = plain.substr(0, begins);
    old.replace(old.find("\"format\":2"), 10, "\"format\":1");
    auto const done = imported(db, sealed(old));
    REQUIRE_MESSAGE(done.has_value(), done.error().text());
    CHECK_EQ(done.value().snapshots.size(), 1);
    CHECK(holds(db));
    CHECK(kept_aside(db, role).empty());
}

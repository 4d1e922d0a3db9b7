#include "schema/rebuilt.hpp"

#include <future>
#include <vector>

#include "story/story.hpp"

namespace undrop::test {
std::string definitions(Database& db) {
    if (db.postgres()) return witness(db).exact;
    auto const pragmas = "sqlite3 -batch " + shell_quoted(db.location()) + " 'pragma user_version; pragma application_id'";
    return witness(db).exact + output_of(pragmas);
}

Schema schema_of(Target& target) {
    auto read = read_schema(target);
    if (!read) FAIL(read.error().text());
    return std::move(read).value();
}

Schema schema_of(Database& db) {
    auto target = Target::open(db.url()).value();
    return schema_of(target);
}

std::string check_rebuilt(Database& db, Target& target, Side& copy) {
    auto const schema = schema_of(target);
    CHECK_EQ(schema.unknown, std::vector<std::string>{});
    CHECK_EQ(schema.circular, std::vector<std::string>{});
    auto const sql = schema.sql();
    CAPTURE(sql);
    try {
        copy.db->run(sql);
    } catch (Refused const& refused) {
        std::string const why = refused.what();
        FAIL_CHECK(why);
        return sql;
    }
    auto made = std::async(std::launch::async, [&] { return definitions(*copy.db); });
    CHECK_EQ(difference(definitions(db), made.get()), "");
    auto const again = schema_of(copy.target);
    CHECK_EQ(difference(sql, again.sql()), "");
    CHECK_EQ(schema.fingerprint(), again.fingerprint());
    return sql;
}

std::string check_rebuilt(Database& db) {
    auto target = Target::open(db.url()).value();
    Side copy(db.engine());
    return check_rebuilt(db, target, copy);
}

}  // namespace undrop::test

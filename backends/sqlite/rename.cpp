// undrop's own ALTER TABLE ... RENAME, which SQLite carries into every view and trigger, and refuses where one of them names what is not
// there: a script may have left such behind.
#include <fmt/format.h>

#include "sqlite/backend.hpp"
#include "sqlite/settings.hpp"
#include "try.hpp"

namespace undrop::sqlite {

// They are made again when the schema is mended, from their recorded texts. False: the error is of something else.
Result<bool> SqliteBackend::drop_broken(Error const& error) {
    UNDROP_TRY(auto const found, connection_.rows("select type, name from main.sqlite_schema where type in ('view', 'trigger')"));
    for (auto const& row : found) {
        auto const& type = row[0].value();
        auto const& name = row[1].value();
        if (error.message.find(fmt::format("error in {} {}: ", type, name)) == std::string::npos) continue;
        UNDROP_CHECK(connection_.exec(fmt::format("drop {} main.{}", type, dialect_.quote(name))));
        return true;
    }
    return false;
}

// Without strings in double quotes: SQLite would turn the name of a column that is gone into one.
Result<std::int64_t> SqliteBackend::rename(std::string const& sql) {
    Switched const strings_of_definitions(handle(), Switch::double_quoted_strings_of_definitions, false);
    Switched const strings(handle(), Switch::double_quoted_strings, false);
    while (true) {
        auto done = connection_.run(sql);
        if (done) return done;
        UNDROP_TRY(auto const dropped, drop_broken(done.error()));
        if (!dropped) return done;
    }
}

}  // namespace undrop::sqlite

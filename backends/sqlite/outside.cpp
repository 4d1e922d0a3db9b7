// What SQLite runs only outside of a transaction, and undrop all the same: VACUUM. It leaves nothing to tell by, and may be run again.
#include "grouped.hpp"
#include "sqlite/backend.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {

std::optional<Outside> SqliteDialect::outside(Statement const& statement) const {
    auto const words = tokens(statement.text);
    if (words.empty() || !words[0].is("VACUUM")) return {};
    Outside what;
    what.kind = "vacuum";
    what.repeatable = true;
    for (auto const& word : words)
        if (word.is("INTO")) what.refused = "VACUUM INTO writes another file, which no step can take back";
    return what;
}

Result<void> SqliteBackend::run_outside(Script const& script, Statement const& statement, std::vector<Statement> const&,
                                        Options const& options) {
    std::chrono::milliseconds const before{pragma(handle(), "busy_timeout")};
    connection_.busy_timeout(options.lock_timeout);
    auto done = connection_.run_script(script, statement);
    connection_.busy_timeout(before);
    if (done) return done;
    auto error = std::move(done).error();
    if (error.where.line == 0) error.where = in_its_file(script, {script.file, statement.line, statement.column});
    return error;
}

}  // namespace undrop::sqlite

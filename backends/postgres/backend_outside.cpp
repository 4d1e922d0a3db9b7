// What PostgresBackend does outside of transactions.
#include "capture.hpp"
#include "outside.hpp"
#include "postgres_backend.hpp"
#include "try.hpp"

namespace undrop::postgres {

Result<Outside> PostgresBackend::find(Outside const& named, std::vector<Statement> const& settings) {
    return postgres::find(connection_, session_, named, settings);
}

Result<Effect> PostgresBackend::probe(Outside const& found) { return postgres::probe(connection_, session_, found); }

Result<void> PostgresBackend::run_outside(Script const& script, Statement const& statement, std::vector<Statement> const& settings,
                                          Options const& options) {
    known_.changed();
    auto all = settings;
    if (dialect_.may_commit(statement)) all.push_back(capture_setting(ledger_));
    auto done = postgres::run_outside(connection_, session_, script, statement, all, options, run_lock_.keeper(options));
    if (all.size() > settings.size() && !connection_.lost()) (void)connection_.run(reset_capture);
    if (!connection_.lost()) (void)connection_.find_prepared();
    return done;
}

Result<void> PostgresBackend::begin_capture(std::string const& ledger, std::vector<Table> const& tables,
                                            std::set<std::string> const& closed) {
    known_.changed();
    return postgres::begin_capture(connection_, ledger, tables, closed);
}

Result<void> PostgresBackend::join_captured(std::string const& ledger) {
    UNDROP_TRY(auto const all, tables(ledger));
    return postgres::join_captured(connection_, ledger, all);
}

Result<std::vector<Captured>> PostgresBackend::captured(std::string const& ledger) {
    UNDROP_TRY(auto const all, tables(ledger));
    return read_captured(connection_, ledger, all);
}

Result<void> PostgresBackend::end_capture(std::string const& ledger, Options const& options) {
    known_.changed();
    return postgres::end_capture(connection_, session_, ledger, options);
}

Result<void> PostgresBackend::tidy(Outside const& found, Options const& options) {
    known_.changed();
    return postgres::tidy(connection_, session_, found, options, run_lock_.keeper(options));
}

}  // namespace undrop::postgres

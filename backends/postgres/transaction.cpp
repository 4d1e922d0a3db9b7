// A step's transaction: what begins and ends with it.
#include "postgres_backend.hpp"
#include "try.hpp"

namespace undrop::postgres {

// All sequences are read before the transaction, so that no lock on them lasts; moving on meanwhile is no harm.
Result<void> PostgresBackend::begin(Options const& options, std::vector<Statement> const&) {
    end();
    if (connection_.idle()) UNDROP_CHECK(connection_.find_pooler());
    UNDROP_CHECK(run_lock_.regain(options));
    ledger_ = options.ledger;
    second_.allow(options.second_connection && !connection_.pooled());
    blockers_.allow(options.second_connection && !connection_.pooled());
    connection_.watch({.cancelled = options.cancelled, .look = [this] {
                           (void)blockers_.look();
                           return true;
                       }});
    reads_sequences_late_ = known_.wanted() && !known_.wanted()->writes_rows;
    if (connection_.idle() && !reads_sequences_late_) {
        UNDROP_TRY(sequences_, read_sequences(connection_, session_, ledger_));
    }
    known_.begin();
    UNDROP_CHECK(session_.begin(options));
    auto entered = run_lock_.enter(options);
    if (!entered) rollback();
    return entered;
}

Result<void> PostgresBackend::commit() {
    connection_.watch({});
    if (alone_ && connection_.in_transaction() && known_.stale()) {  // afterwards all would have to be read
        UNDROP_TRY(auto const tables_now, tables(ledger_));
        UNDROP_TRY(auto const catalog_now, catalog(ledger_));
    }
    if (connection_.in_transaction()) UNDROP_CHECK(run_lock_.leave());
    auto done = session_.commit();
    if (done.has_value()) {
        known_.commit();
        end();
    } else {
        known_.changed();
    }
    return done;
}

void PostgresBackend::rollback() {
    connection_.watch({});
    bool const wrote = !session_.transaction().empty();
    session_.rollback();
    if (wrote) known_.roll_back();
    if (wrote && !connection_.lost()) put_back(connection_, session_, sequences_);
    end();
}

void PostgresBackend::end() {
    quiet_.forget();
    references_.forget();
    second_.close();
    blockers_.forget();
    mark_.reset();
    narrow_.reset();
    reads_sequences_late_ = false;
    checked_at_.reset();
    sequences_.clear();
    script_sets_counters_ = false;
}

}  // namespace undrop::postgres

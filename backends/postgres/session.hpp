// Session: one transaction at a time, with the settings that undrop's own statements need, and the author's for the author's. One thread.
//
// undrop's statements run under pinned settings (SET LOCAL), a script under those that the session had before. What a script leaves
// behind ends with its step: a session of undrop's own starts anew, a borrowed one gets its settings back. Behind a connection pooler each
// transaction may be in another session, so nothing is set for longer than one, and what a script left goes before its COMMIT.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/result.hpp>

#include "connection.hpp"

namespace undrop::postgres {

class Session {
public:
    explicit Session(Connection& connection) : connection_(connection) {}

    [[nodiscard]] Result<void> begin(Options const& options);
    [[nodiscard]] Result<void> begin_reading();
    [[nodiscard]] Result<void> commit();
    void rollback();
    // After reconnecting: nothing is open any more, and set_role holds again.
    [[nodiscard]] Result<void> start_anew();
    [[nodiscard]] Result<void> enter_script();
    [[nodiscard]] Result<void> leave_script();
    // A savepoint that only reads, under the author's settings; leaving it takes back whatever was set in it.
    [[nodiscard]] Result<void> enter_check(Options const& options);
    [[nodiscard]] Result<void> leave_check();
    // For one statement outside of a transaction: the session's own settings and the script's, but no lock_timeout, which would leave half
    // of an index, and a statement_timeout only if the script says so. Leaving it puts them back.
    [[nodiscard]] Result<void> enter_outside(Script const& script, std::vector<Statement> const& settings);
    void leave_outside();
    // Code::refused where a pooler keeps the session's settings from being what such a statement needs.
    [[nodiscard]] Result<void> may_run_outside(std::vector<Statement> const& settings, bool commits);
    [[nodiscard]] Result<void> still_ours() const;

    [[nodiscard]] Result<void> set_role(std::string const& role);
    void forget_role();  // before a borrowed connection is given back
    [[nodiscard]] std::string role() const;

    // The transaction's number as begin() found it, 64 bits; empty outside of one.
    [[nodiscard]] std::string const& transaction() const { return transaction_; }
    // `sql` for PQexec so that it runs under the pinned settings outside of a transaction as well.
    [[nodiscard]] std::string safely(std::string const& sql) const;
    // One statement without parameters so, that is sent again and again.
    [[nodiscard]] Result<Rows> repeated(std::string const& sql) const;

private:
    [[nodiscard]] std::string pinned(std::string const& sql) const;
    [[nodiscard]] Result<void> open_transaction(std::string const& begin, std::string const& number);
    [[nodiscard]] std::string authors_settings();
    [[nodiscard]] Result<void> pin() const;
    void put_back();
    [[nodiscard]] Result<void> leave_nothing();
    [[nodiscard]] bool acts_locally() const { return connection_.pooled() && !role_.empty(); }

    Connection& connection_;
    std::map<std::string, std::string> own_;  // the session's settings before begin()
    std::map<std::string, std::string>
        before_;  // all settings of a borrowed connection, before begin(); of a pooler's session, after BEGIN
    std::string lock_timeout_;
    std::string statement_timeout_;  // of the author's statements; empty: as the session has it
    std::string transaction_;
    std::string role_;          // set by set_role; empty: nobody did
    std::string role_before_;   // of a borrowed connection
    std::string current_user_;  // as begin() found it
    bool script_ran_ = false;
};

}  // namespace undrop::postgres

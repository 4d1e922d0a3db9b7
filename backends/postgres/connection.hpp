// Connection: one PGconn, owned or borrowed, and the three ways to send SQL through it. One thread at a time.
//
// Nothing is sent but what is asked for. SQL goes to the server verbatim.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "dialect.hpp"

struct pg_conn;
struct pg_result;

namespace undrop::postgres {

struct ClearResult {
    void operator()(pg_result* result) const;
};
using ResultPtr = std::unique_ptr<pg_result, ClearResult>;

// The constraint that the server named last.
struct Violated {
    std::string schema;
    std::string table;
    std::string constraint;
};

// What is done while a statement runs on the server.
struct Watch {
    std::function<bool()> cancelled = {};  // true: the statement is to be ended. May throw, which means the same
    std::function<bool()> look = {};       // called now and then once a statement takes long; false ends it. Must not use this connection
};

class Connection {
public:
    enum class Ownership { owned, borrowed };

    Connection(pg_conn* handle, Ownership ownership);
    ~Connection();  // closes an owned connection, never a borrowed one
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    // Finds out, once for each connection, whether there is a connection pooler in between: it made up the number of the server's process.
    // In what mode it works cannot be told, so it may run each transaction in another session of the server (`pooled`).
    [[nodiscard]] Result<void> find_pooler();
    [[nodiscard]] bool pooled() const { return pooled_.value_or(false); }

    // One or more statements; the rows of the last one, every cell as text.
    [[nodiscard]] Result<Rows> rows(std::string const& sql);
    // One statement with $1, $2 ..., whose types the server infers.
    [[nodiscard]] Result<Rows> rows(std::string const& sql, std::span<Cell const> parameters);
    // One statement of undrop's own that is sent again and again: on a connection of its own the server plans it once.
    [[nodiscard]] Result<Rows> repeated(std::string const& sql, std::span<Cell const> parameters = {});
    // Outside of a transaction, together with `first`, which sets what holds for this alone.
    [[nodiscard]] Result<Rows> repeated_after(std::string const& first, std::string const& sql);
    // Statements outside of transactions may have dropped some.
    [[nodiscard]] Result<void> find_prepared();
    // Prepared statements that a script left are dropped; of ours, it is found out which a script dropped.
    [[nodiscard]] Result<void> tidy_prepared();
    // One or more statements; rows affected by the last one if it is INSERT, UPDATE, DELETE or MERGE, else 0.
    [[nodiscard]] Result<std::int64_t> run(std::string const& sql);
    // A statement of a script: the error's `where` is a place in the script.
    [[nodiscard]] Result<void> run_script(Script const& script, Statement const& statement);
    // A statement of a check, never more than one; its rows are counted, not kept.
    [[nodiscard]] Result<Answer> ask(Script const& script, Statement const& statement);

    // NOTICEs go to the listener; null: they are dropped. A receiver that the program set itself on a borrowed connection stays.
    void on_notice(std::function<void(std::string const&)> listener) { listener_ = std::move(listener); }

    // The same connection made anew, with nothing of the old session; false if the server cannot be reached.
    [[nodiscard]] bool reconnect();
    // From now on; COMMIT and ROLLBACK are not for watching. What was cancelled gives Code::interrupted until the next call.
    void watch(Watch watch);
    [[nodiscard]] bool asked_to_end();

    [[nodiscard]] Violated const& violated() const { return violated_; }
    [[nodiscard]] pg_conn* handle() const { return handle_; }
    [[nodiscard]] bool borrowed() const { return ownership_ == Ownership::borrowed; }
    [[nodiscard]] int server_version() const;                     // 150020
    [[nodiscard]] bool idle() const;                              // no transaction is open
    [[nodiscard]] bool in_transaction() const;                    // one is open and has not failed
    [[nodiscard]] bool lost() const;                              // the connection is gone
    [[nodiscard]] bool superuser() const;                         // of the session user, as the server reported it last
    [[nodiscard]] std::string parameter(char const* name) const;  // as the server reported it last; empty if it does not

private:
    [[nodiscard]] Result<ResultPtr> checked(pg_result* raw);
    [[nodiscard]] pg_result* answer(int sent);
    [[nodiscard]] pg_result* send_data(std::string const& data);
    [[nodiscard]] pg_result* next_result();
    [[nodiscard]] bool goes_on();
    [[nodiscard]] Result<void> drop_prepared();
    void cancel();
    static void notice(void* self, pg_result const* result);

    pg_conn* handle_;
    Ownership ownership_;
    std::function<void(std::string const&)> listener_;
    bool listener_threw_ = false;
    Watch watch_;
    bool cancelled_ = false;                       // the server was asked to end a statement; which one that hits, nobody knows for sure
    std::map<std::string, std::string> prepared_;  // name by text; empty: sent once, not prepared yet
    int last_prepared_ = 0;
    std::optional<bool> pooled_;
    Violated violated_;
};

}  // namespace undrop::postgres

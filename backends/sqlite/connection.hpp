// Connection: one sqlite3 handle, owned or borrowed, and the ways to send SQL through it. One thread at a time.
//
// SQL goes to SQLite verbatim, statement by statement.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <undrop/result.hpp>

#include "../../lib/backend.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace undrop::sqlite {

// A compiled statement.
class Prepared {
public:
    // `rest`, if given, gets what follows the first statement. A text without a statement (blanks, comments) is `empty()`.
    [[nodiscard]] static Result<Prepared> make(sqlite3* handle, std::string_view sql, std::string_view* rest = nullptr);

    [[nodiscard]] bool empty() const { return statement_ == nullptr; }
    [[nodiscard]] Result<bool> step();    // true: there is a row
    [[nodiscard]] Result<void> finish();  // steps to the end
    [[nodiscard]] Row row() const;        // every cell as text, blobs as X'..'
    [[nodiscard]] sqlite3_stmt* get() const { return statement_.get(); }

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Connection {
public:
    enum class Ownership { owned, borrowed };

    Connection(sqlite3* handle, Ownership ownership, std::string name);
    ~Connection();  // closes an owned handle
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    // One or more statements; the rows of the last one that gives any.
    [[nodiscard]] Result<Rows> rows(std::string const& sql);
    [[nodiscard]] Result<std::int64_t> number(std::string const& sql);  // the first cell; 0 for none
    // One or more statements; rows affected by the last one if it is INSERT, UPDATE or DELETE, else 0. `after`: called after each.
    using After = std::function<Result<void>()>;
    [[nodiscard]] Result<std::int64_t> run(std::string const& sql, After const& after = {});
    [[nodiscard]] Result<void> exec(std::string const& sql);
    // One statement of a script: the error's `where` is a place in the script.
    [[nodiscard]] Result<void> run_script(Script const& script, Statement const& statement);
    // A statement of a check; its rows are counted, not kept.
    [[nodiscard]] Result<Answer> ask(Script const& script, Statement const& statement);

    [[nodiscard]] std::string collation(std::string const& table, std::string const& column) const;
    void busy_timeout(std::chrono::milliseconds timeout);
    [[nodiscard]] bool in_transaction() const;
    // From now on every statement belongs to the transaction that is open, until this is called with false: where SQLite has ended it by
    // itself, nothing more is done (P6).
    void stay_in_transaction(bool stay) { stays_ = stay; }
    [[nodiscard]] Result<void> intact() const;
    [[nodiscard]] bool read_only() const;  // the file cannot be written
    [[nodiscard]] sqlite3* handle() const { return handle_; }
    [[nodiscard]] bool borrowed() const { return ownership_ == Ownership::borrowed; }
    [[nodiscard]] std::string const& name() const { return name_; }  // the file, for people

private:
    sqlite3* handle_;
    Ownership ownership_;
    std::string name_;
    bool stays_ = false;
};

}  // namespace undrop::sqlite

// Second: the second pair of eyes. Until a transaction commits, every other connection still sees the rows that it has updated or deleted,
// where it holds no ACCESS EXCLUSIVE lock on their table: superseded versions have an xmax, and those that are not visible to the
// transaction itself any more are the ones that it took. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend.hpp"
#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

class Second {
public:
    explicit Second(Connection& first) : first_(first) {}

    // See Backend::read_old. `transaction`: of the first connection, open. `role`: whom it acts as.
    [[nodiscard]] Result<bool> read_old(Table const& table, OldRows which, std::vector<std::string> const& saved,
                                        std::string const& store_table, std::string const& transaction, std::string const& role);
    void allow(bool allowed) { allowed_ = allowed; }
    [[nodiscard]] bool allowed() const { return allowed_; }
    void close();

private:
    [[nodiscard]] bool open(std::string const& transaction, std::string const& role);
    [[nodiscard]] bool begin();
    [[nodiscard]] Result<bool> is_alone(Table const& table);
    [[nodiscard]] Result<bool> drop_others(std::string const& rows, std::string const& store_table);
    [[nodiscard]] Result<bool> copy(std::string const& from, std::string const& to);

    Connection& first_;
    std::unique_ptr<Connection> second_;
    std::unique_ptr<Session> session_;
    bool allowed_ = true;
    bool tried_ = false;  // in vain: not again in this step
};

// See Backend::follow; of a table in the file that it had at the mark.
[[nodiscard]] Result<bool> follow_rows(Connection& connection, Table const& now, std::string const& old_rows, std::string const& pairs);

}  // namespace undrop::postgres

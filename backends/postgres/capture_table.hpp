// CaptureTable: what the store keeps beside one table while a statement commits by itself (capture.hpp): two tables, and the function that
// row triggers call. A partitioned table stands for its partitions. Pure: texts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backend.hpp"
#include "postgres_dialect.hpp"

namespace undrop::postgres {

class CaptureTable {
public:
    CaptureTable(std::string const& ledger, Table const& table);

    [[nodiscard]] std::string const& old_rows() const { return old_; }
    [[nodiscard]] std::string const& left() const { return left_; }
    [[nodiscard]] std::string const& function() const { return function_; }
    [[nodiscard]] std::string const& number() const { return number_; }

    // That make them, without rights for anybody else (seal() does the rest for the tables).
    [[nodiscard]] std::vector<std::string> statements() const;
    // Two entries of one row, between which somebody else has changed it, become one: cells that they changed count as they left them.
    [[nodiscard]] std::vector<std::string> join_chains() const;

private:
    [[nodiscard]] std::string key_of(std::size_t i, std::string const& row) const;
    [[nodiscard]] std::string each_column(std::function<std::string(Column const&, std::string const&)> const& text,
                                          char const* between = ", ") const;
    [[nodiscard]] std::string each_key(std::function<std::string(std::size_t, std::string const&)> const& text,
                                       char const* between = ", ") const;
    [[nodiscard]] std::string same(char const* a, char const* b) const;
    [[nodiscard]] std::string names() const;
    [[nodiscard]] std::string values(char const* row) const;
    [[nodiscard]] std::string assigned(char const* row) const;
    [[nodiscard]] std::string has_key_of(char const* alias, char const* row) const;
    [[nodiscard]] std::string body() const;

    PostgresDialect dialect_;
    Table const& table_;
    std::string old_, left_, function_;
    std::string number_, before_, transaction_;  // columns beside the table's
    std::vector<std::string> keys_;
};

}  // namespace undrop::postgres

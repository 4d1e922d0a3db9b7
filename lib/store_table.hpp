// StoreTable: a table of the store while it is made: its columns, and the expressions that fill them, side by side.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend.hpp"

namespace undrop {

class StoreTable {
public:
    explicit StoreTable(std::string name) : name_(std::move(name)) {}  // as SQL writes it

    // An empty type is none, where the database takes that.
    void add(std::string const& column, std::string const& type, std::string expression);
    void add_key(std::string const& column, std::string const& type, std::string expression);  // part of the primary key

    // Makes it, with no right but the owner's; `source`: the table whose rows it is to hold.
    [[nodiscard]] Result<void> make(Backend& backend, Table const& source) const;
    // Rows of a FROM item with its conditions. Gives how many.
    [[nodiscard]] Result<std::int64_t> fill(Backend& backend, std::string const& from) const;

    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] std::vector<std::string> const& columns() const { return columns_; }

private:
    std::string name_;
    std::vector<std::string> definitions_;
    std::vector<std::string> columns_;
    std::vector<std::string> expressions_;
    std::vector<std::string> key_;
};

}  // namespace undrop

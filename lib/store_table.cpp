#include "store_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "try.hpp"

namespace undrop {

void StoreTable::add(std::string const& column, std::string const& type, std::string expression) {
    definitions_.push_back(type.empty() ? column : column + " " + type);
    columns_.push_back(column);
    expressions_.push_back(std::move(expression));
}

void StoreTable::add_key(std::string const& column, std::string const& type, std::string expression) {
    key_.push_back(column);
    add(column, type, std::move(expression));
}

Result<void> StoreTable::make(Backend& backend, Table const& source) const {
    UNDROP_CHECK(
        backend.run(fmt::format("create table {} ({}, primary key ({}))", name_, fmt::join(definitions_, ", "), fmt::join(key_, ", "))));
    return backend.seal(name_, &source);
}

Result<std::int64_t> StoreTable::fill(Backend& backend, std::string const& from) const {
    return backend.run(
        fmt::format("insert into {} ({}) select {} from {}", name_, fmt::join(columns_, ", "), fmt::join(expressions_, ", "), from));
}

}  // namespace undrop

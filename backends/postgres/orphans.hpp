// Orphans: rows whose parent is gone, which keep a foreign key from coming back.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "backend.hpp"
#include "connection.hpp"

namespace undrop::postgres {

// As Backend::naming_orphans. In a transaction; after a refusal its content is of no use any more and is to be rolled back.
[[nodiscard]] Result<void> naming_orphans(Connection& connection, std::string const& definition, std::function<Result<void>()> const& work);

// The foreign key that such a text makes: ALTER TABLE child ADD CONSTRAINT name FOREIGN KEY (...) REFERENCES parent(...). Nothing for any
// other text, and for one that is NOT VALID, which old rows need not fulfil.
[[nodiscard]] std::optional<ForeignKey> foreign_key_of(std::string const& definition);

// How many rows refer to nothing by that foreign key, which need not be there. Nothing where the text makes none.
[[nodiscard]] Result<std::optional<std::int64_t>> orphans_of(Connection& connection, std::string const& definition);

}  // namespace undrop::postgres

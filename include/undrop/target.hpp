// Target: the database that is migrated.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <undrop/result.hpp>

namespace undrop {

class Backend;

// Move-only; one thread at a time. Owns its connection, unless made by attach().
class UNDROP_EXPORT Target {
public:
    // postgresql://..., postgres://... (anything libpq takes) or sqlite:PATH. Parameters of other tools (?schema=, ?pgbouncer=) are left
    // out.
    //   sqlite:PATH?create=1          makes the file if it is not there; otherwise a missing file is refused
    //   sqlite:PATH?foreign_keys=off  foreign keys are enforced unless this says otherwise; a script's own leading pragma wins
    // Errors: Code::usage for a URL that is none, Code::refused for a missing file or one that is no database,
    // Code::failed for a server that cannot be reached. The database is untouched; the password is in no message.
    [[nodiscard]] static Result<Target> open(std::string_view url);

    Target(Target&&) noexcept;
    Target& operator=(Target&&) noexcept;
    ~Target();

    // For people and the ledger: "db1:5432/shop as shop_owner (PostgreSQL 15.18)". No password.
    [[nodiscard]] std::string description() const;

    // Everything from now on is done as this role of the database (SET ROLE). Errors: Code::usage where there are no roles,
    // Code::failed where the role is not given to us; nothing is changed.
    [[nodiscard]] Result<void> set_role(std::string const& role);

    // For the implementation: what the library's functions reach the database through.
    explicit Target(std::unique_ptr<Backend> backend);
    [[nodiscard]] Backend& backend() { return *backend_; }

private:
    std::unique_ptr<Backend> backend_;
};

}  // namespace undrop

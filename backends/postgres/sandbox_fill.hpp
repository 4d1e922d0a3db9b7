// Schema and rows of a target in a sandbox that was just made.
#pragma once

#include <string>

#include <undrop/result.hpp>

#include "open.hpp"
#include "postgres_backend.hpp"
#include "sandbox.hpp"
#include "sandbox_source.hpp"

namespace undrop::postgres {

// From where a sandbox is filled, and where it is.
struct Place {
    Parameters from;
    std::string role;  // whom to act as; empty: whoever connects
    Parameters to;
    std::string role_there;  // who makes and fills it
    std::string acts_as;     // who then works in it
};

[[nodiscard]] Result<std::unique_ptr<PostgresBackend>> connect_as(Parameters const& parameters, std::string const& role);

// Fills it as the wish says; the sandbox gets the notes of what is to be told. `source`: where rows go through our own hands, else null.
// `own_server`: it has the target's roles.
[[nodiscard]] Result<void> fill(PostgresBackend& target, SandboxSource* source, Place const& place, SandboxWish const& wish,
                                bool own_server, Sandbox& sandbox);

}  // namespace undrop::postgres

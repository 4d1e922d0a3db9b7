// A plan from a file: is it for this database, and are its scripts still the files'?
#pragma once

#include <string>

#include <undrop/undrop.hpp>

namespace undrop::cli {

class Session;

// Throws Failure (Code::conflict, untouched) where it is not. Scripts are compared where there is a directory of migrations.
void check_stored(Session const& session, Target const& target, Plan const& plan, std::string const& file);

}  // namespace undrop::cli

// A program with one instance: what both of its releases share.
#pragma once

#include <span>

#include <undrop/undrop.hpp>

// Brings the database to where this release wants it, whichever release was there before; 0 if it is there.
int start(char const* release, std::span<undrop::EmbeddedFile const> migrations);

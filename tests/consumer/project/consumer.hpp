// What the files of this program share.
#pragma once

#include <string>

#include <undrop/undrop.hpp>

// Rows as the program's own connection reads them: "id|value" per row.
using Read = std::string (*)();

void expect(bool good, std::string const& what);  // ends the program where it is not
void play(undrop::Target& target, Read read);     // up, down, and the values are back
void compare_compiled_in();                       // a folder of another tool's
void play_postgres();
void play_sqlite();

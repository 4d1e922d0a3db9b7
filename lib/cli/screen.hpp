// What the program says, and where: text for people or one JSON document on standard output, the rest on standard error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <undrop/undrop.hpp>

namespace undrop::cli {

[[noreturn]] void wrong_use(std::string message, Next next);  // throws Failure, Code::usage

[[nodiscard]] int exit_status(Error const& error);

// Prints the error: as text on standard error; with `json` also as a document on standard output.
void print_error(Error const& error, bool json);

void say(std::string_view text);                          // standard output, GO and NO-GO coloured on a terminal
void remark(std::string_view text);                       // standard error, one line
[[nodiscard]] bool confirmed(std::string_view question);  // asks on the terminal
[[nodiscard]] bool can_ask();                             // standard input is a terminal

// Left-aligned columns; the first row is the header. Control characters in cells are not passed on.
[[nodiscard]] std::string table(std::vector<std::vector<std::string>> const& rows);
[[nodiscard]] std::string thousands(std::int64_t number);
[[nodiscard]] std::string to_the_second(std::string_view time);  // without ISO 8601's fraction

}  // namespace undrop::cli

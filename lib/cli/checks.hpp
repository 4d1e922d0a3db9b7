// Checks of option values, with words for people.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace undrop::cli {

inline CLI::Validator at_least_one() {
    auto const check = [](std::string const& text) {
        bool const digits = !text.empty() && text.size() < 18 && text.find_first_not_of("0123456789") == std::string::npos;
        bool const is_zero = text.find_first_not_of('0') == std::string::npos;
        return digits && !is_zero ? std::string() : "\"" + text + "\" is no whole number of 1 or more";
    };
    return {check, "", "at_least_one"};
}

}  // namespace undrop::cli

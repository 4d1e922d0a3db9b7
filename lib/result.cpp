#include <undrop/result.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>

#include "diff.hpp"

namespace undrop {
namespace {

std::string indented(std::string_view text) {
    std::string result;
    for (char const c : text) {
        if (c != '\r') result += c;
        if (c == '\n') result += "    ";
    }
    while (!result.empty() && (result.back() == ' ' || result.back() == '\n')) result.pop_back();
    return result;
}

std::string place_text(Place const& place) {
    if (place.line == 0) return place.file;
    auto const file = place.file.empty() ? std::string("line ") : place.file + ":";
    return place.column == 0 ? fmt::format("{}{}", file, place.line) : fmt::format("{}{}:{}", file, place.line, place.column);
}

char const* state_text(Left left) {
    switch (left) {
        case Left::untouched:
            return "The database is untouched.";
        case Left::rolled_back:
            return "The step was rolled back; the database is as it was before it.";
        case Left::changed:
            return "Earlier steps of the run stay committed; the one that failed was rolled back.";
        case Left::unknown:
            break;
    }
    return "Whether the last step was committed is not known.";
}

// What to do where whoever made the error had nothing more exact to say.
Next usual_next(Code code) {
    switch (code) {
        case Code::usage:
            return {.command = "--help"};
        case Code::refused:
            return {.command = "plan", .advice = "change what is refused, then look at the plan again"};
        case Code::conflict:
            return {.command = "plan", .advice = "make the plan again"};
        case Code::busy:
            return {.advice = "run the same command again later"};
        case Code::failed:
            return {.command = "status", .advice = "see where the database stands"};
        case Code::in_doubt:
            return {.command = "status", .advice = "the ledger tells whether the step was committed"};
        case Code::interrupted:
            break;
    }
    return {.command = "status", .advice = "run the same command again to go on"};
}

std::string next_text(Next const& next) {
    if (next.command.empty()) return "Next: " + next.advice;
    auto const command = "Next: undrop " + next.command;
    return next.advice.empty() ? command : command + "   (" + next.advice + ")";
}

}  // namespace

std::string Error::text() const {
    auto const place = place_text(where);
    std::string result = place.empty() ? message : place + ": " + message;
    if (!differences.empty()) result += "\n    " + indented(brief_of(differences));
    if (!native.empty()) result += "\n  The database says: " + indented(native);
    if (!trail.empty()) result += fmt::format("\n  While: {}", fmt::join(trail, ", "));
    if (code != Code::usage) result += fmt::format("\n  {}", state_text(left));
    bool const given = !next.command.empty() || !next.advice.empty();
    return result + "\n  " + next_text(given ? next : usual_next(code));
}

Failure::Failure(Error error) : error_(std::move(error)), text_(error_.text()) {}

char const* name_of(Code code) {
    switch (code) {
        case Code::usage:
            return "usage";
        case Code::refused:
            return "refused";
        case Code::conflict:
            return "conflict";
        case Code::busy:
            return "busy";
        case Code::failed:
            return "failed";
        case Code::in_doubt:
            return "in_doubt";
        case Code::interrupted:
            break;
    }
    return "interrupted";
}

char const* name_of(Left left) {
    switch (left) {
        case Left::untouched:
            return "untouched";
        case Left::rolled_back:
            return "rolled_back";
        case Left::changed:
            return "changed";
        case Left::unknown:
            break;
    }
    return "unknown";
}

}  // namespace undrop

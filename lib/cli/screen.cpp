#include "screen.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "signals.hpp"

namespace undrop::cli {
namespace {

bool coloured(int file) {
    auto const* no_color = std::getenv("NO_COLOR");
    return isatty(file) != 0 && (no_color == nullptr || *no_color == '\0');
}

// The colour of a line: verdicts and findings; empty for all others.
std::string_view colour_of(std::string_view line) {
    if (line == "GO") return "\x1b[1;32m";
    if (line == "NO-GO" || line.starts_with("stop [")) return "\x1b[1;31m";
    if (line.starts_with("warning [")) return "\x1b[33m";
    auto const from = std::min(line.find_first_not_of(' '), line.size());
    if (from < 4) return {};
    auto const rest = line.substr(from);  // of a diff
    if (rest.starts_with("---") || rest.starts_with("+++")) return "\x1b[1m";
    if (rest.starts_with("@@ ")) return "\x1b[36m";
    return rest.starts_with('-') ? "\x1b[31m" : rest.starts_with('+') ? "\x1b[32m" : std::string_view();
}

std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string printable(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    }
    return result;
}

std::string error_json(Error const& error) {
    nlohmann::ordered_json json = {{"format", 1},
                                   {"kind", "error"},
                                   {"code", name_of(error.code)},
                                   {"left", name_of(error.left)},
                                   {"message", error.message},
                                   {"where", nullptr},
                                   {"native", error.native},
                                   {"next", {{"command", error.next.command}, {"advice", error.next.advice}}},
                                   {"trail", error.trail},
                                   {"text", error.text()}};
    for (auto const& object : error.differences)
        json["differences"].push_back({{"object", object.object},
                                       {"before", object.before},
                                       {"after", object.after},
                                       {"before_when", object.before_when},
                                       {"after_when", object.after_when},
                                       {"diff", object.diff()}});
    if (!error.where.file.empty() || error.where.line != 0) {
        json["where"] = {{"file", error.where.file}, {"line", error.where.line}, {"column", error.where.column}};
    }
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

void wrong_use(std::string message, Next next) {
    throw Failure({.code = Code::usage, .message = std::move(message), .next = std::move(next)});
}

int exit_status(Error const& error) {
    switch (error.code) {
        case Code::usage:
            return 2;
        case Code::refused:
        case Code::conflict:
            return 3;
        case Code::in_doubt:
            return 4;
        case Code::busy:
            return 5;
        case Code::failed:
            return 1;
        case Code::interrupted:
            break;
    }
    return 128 + (caught_signal() == 0 ? 2 : caught_signal());
}

namespace {

void write(std::ostream& out, std::string_view text, bool colour) {
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        auto const line = text.substr(0, end);
        auto const code = colour ? colour_of(line) : std::string_view();
        out << code << line << (code.empty() ? "" : "\x1b[0m") << '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    out.flush();
}

}  // namespace

void print_error(Error const& error, bool json) {
    if (json) std::cout << error_json(error) << std::endl;
    bool const colour = coloured(STDERR_FILENO);
    std::cerr << (colour ? "\x1b[1;31mundrop:\x1b[0m " : "undrop: ");
    write(std::cerr, error.text(), colour);
}

void say(std::string_view text) { write(std::cout, text, coloured(STDOUT_FILENO)); }

void remark(std::string_view text) { std::cerr << text << std::endl; }

bool can_ask() { return isatty(STDIN_FILENO) != 0; }

bool confirmed(std::string_view question) {
    std::cerr << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

std::string table(std::vector<std::vector<std::string>> const& rows) {
    std::vector<std::size_t> widths;
    for (auto const& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string result;
    for (auto const& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) line += printable(row[i]) + std::string(widths[i] - width(row[i]) + 2, ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + "\n";
    }
    return result;
}

std::string thousands(std::int64_t number) {
    auto text = std::to_string(number);
    auto const first = number < 0 ? 1U : 0U;
    for (auto i = text.size(); i > first + 3;) text.insert(i -= 3, ",");
    return text;
}

std::string to_the_second(std::string_view time) {
    auto const dot = time.find('.');
    return dot == std::string_view::npos ? std::string(time) : std::string(time.substr(0, dot)) + "Z";
}

}  // namespace undrop::cli

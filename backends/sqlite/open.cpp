#include "sqlite/open.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

Error usage(std::string message) {
    return Error{.code = Code::usage,
                 .message = std::move(message),
                 .next = {.command = {},
                          .advice = "write sqlite:PATH or sqlite:///ABSOLUTE/PATH, with ?create=1 or ?foreign_keys=off where wanted"}};
}

int hex_digit(char c) {
    auto const at = std::string_view("0123456789abcdef").find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

Result<std::string> decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        auto const high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        auto const low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) return usage("a % in a URL is followed by two hexadecimal digits; a percent sign itself is %25");
        if (high == 0 && low == 0) return usage("a path has no NUL byte");
        result += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return result;
}

Result<bool> flag(std::string_view name, std::string const& value) {
    auto const v = lower(value);
    if (v == "1" || v == "on" || v == "true" || v == "yes") return true;
    if (v == "0" || v == "off" || v == "false" || v == "no") return false;
    return usage(fmt::format("{}= is on or off, not {}", name, value));
}

Result<void> read_parameters(std::string_view text, Location& location) {
    while (!text.empty()) {
        auto const end = std::min(text.find('&'), text.size());
        auto const one = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        auto const name = one.substr(0, one.find('='));
        UNDROP_TRY(auto const value, decoded(one.size() > name.size() ? one.substr(name.size() + 1) : std::string_view{}));
        if (name == "create") {
            UNDROP_TRY(location.create, flag(name, value));
        } else if (name == "foreign_keys") {
            UNDROP_TRY(location.foreign_keys, flag(name, value));
        }
    }
    return outcome::success();
}

// Refuses what SQLite would make. The file is not opened to look into it: closing it again would end every lock that other connections of
// this process hold on it (POSIX), and with a write-ahead log another process would then take it away from under them.
Result<void> check_file(Location const& location) {
    namespace fs = std::filesystem;
    std::error_code problem;
    fs::path const path(location.path);
    auto const status = fs::status(path, problem);
    if (status.type() == fs::file_type::not_found) {
        if (location.create) return outcome::success();
        auto error = refused(fmt::format("there is no file {}", location.path), "check the path, or let `up --create` make it");
        error.next.command = "up --create";
        return error;
    }
    if (fs::is_directory(status))
        return refused(fmt::format("{} is a directory, not a database", location.path), "give the path of a file");
    return outcome::success();
}

// Reads once, so that a damaged file shows now. Being locked is no fault of the file.
Result<void> first_look(Backend& backend, std::string const& path) {
    auto looked = backend.rows("select count(*) from main.sqlite_schema");
    if (looked || looked.error().code == Code::busy) return outcome::success();
    auto error = std::move(looked).error();
    if (error.native.starts_with("SQLITE_NOTADB"))
        return refused(fmt::format("{} is not a SQLite database", path), "check the path; an encrypted database cannot be opened");
    error.message = fmt::format("{} cannot be used: {}", path, error.message);
    return error;
}

}  // namespace

Result<Location> parse_url(std::string_view url) {
    constexpr std::string_view scheme = "sqlite:";
    if (lower(url.substr(0, scheme.size())) != scheme) return usage("this is no sqlite: URL");
    auto rest = url.substr(scheme.size());
    Location location;
    auto const question = rest.find('?');
    if (question != std::string_view::npos) UNDROP_CHECK(read_parameters(rest.substr(question + 1), location));
    rest = rest.substr(0, question);
    if (rest.starts_with("//")) {
        rest.remove_prefix(2);
        if (!rest.starts_with('/')) return usage("sqlite: has no host: after // comes the / of an absolute path");
    }
    UNDROP_TRY(location.path, decoded(rest));
    if (location.path.empty()) return usage("there is no path in the URL");
    return location;
}

Result<std::unique_ptr<Backend>> open_backend(std::string_view url) {
    UNDROP_TRY(auto const location, parse_url(url));
    bool const in_memory = location.path == ":memory:";
    if (!in_memory) UNDROP_CHECK(check_file(location));
    // A path that begins with "file:" is a path, also where the program has switched URIs on for all of SQLite.
    auto const path = location.path.starts_with("file:") ? "./" + location.path : location.path;
    sqlite3* handle = nullptr;
    auto const flags = SQLITE_OPEN_READWRITE | (location.create || in_memory ? SQLITE_OPEN_CREATE : 0);
    auto const opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    if (opened != SQLITE_OK) {
        auto error = error_of(opened, handle == nullptr ? sqlite3_errstr(opened) : sqlite3_errmsg(handle));
        error.message = fmt::format("{} cannot be opened: {}", location.path, error.message);
        sqlite3_close(handle);
        if (std::error_code problem; opened == SQLITE_CANTOPEN && std::filesystem::exists(location.path, problem))
            return refused(fmt::format("{} cannot be read", location.path), "check the rights on the file and on its directory");
        return error;
    }
    auto backend = std::make_unique<SqliteBackend>(handle, Connection::Ownership::owned, location.path);
    UNDROP_CHECK(backend->prepare());
    set(handle, Switch::foreign_keys, location.foreign_keys);
    UNDROP_CHECK(first_look(*backend, location.path));
    sqlite3_busy_timeout(handle, static_cast<int>(Options{}.lock_timeout.count()));
    return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace undrop::sqlite

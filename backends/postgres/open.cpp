#include "open.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "errors.hpp"
#include "postgres_backend.hpp"

namespace undrop::postgres {

namespace {

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

std::set<std::string, std::less<>> known_parameters() {
    std::set<std::string, std::less<>> known{"ssl"};  // libpq takes ssl=true for sslmode=require
    OptionList const defaults(PQconndefaults());
    for (auto const* option = defaults.get(); option && option->keyword; ++option) known.insert(option->keyword);
    return known;
}

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Where the parameters begin. A password may hold a question mark: the first one behind the user counts.
std::size_t query_of(std::string_view url) {
    auto const authority = url.find("://") + 3;
    auto const at = url.find('@', authority);
    auto const slash = url.find('/', authority);
    return url.find('?', at != std::string_view::npos && at < slash ? at : authority);
}

Result<Parameters> parse(std::string const& url) {
    char* reason = nullptr;
    OptionList const options(PQconninfoParse(url.c_str(), &reason));
    std::unique_ptr<char, decltype(&PQfreemem)> const freed(reason, &PQfreemem);
    if (!options) {
        // libpq quotes the URL behind a colon, with the password in it.
        std::string_view const words = reason ? reason : "";
        return Error{.code = Code::usage,
                     .message = "the database's URL is none that PostgreSQL takes",
                     .native = one_line(words.substr(0, words.find_first_of(":\""))),
                     .next = {.advice = "postgresql://USER@HOST:PORT/DATABASE is one; special characters in it are written as %XX."}};
    }
    Parameters parameters;
    for (auto const* option = options.get(); option->keyword; ++option)
        if (option->val) parameters[option->keyword] = option->val;
    return parameters;
}

void complete(Parameters& parameters) {
    bool bounded = parameters.contains("connect_timeout");
    OptionList const defaults(PQconndefaults());
    for (auto const* option = defaults.get(); option && option->keyword; ++option)
        if (std::string_view(option->keyword) == "connect_timeout" && option->val) bounded = true;
    if (!bounded) parameters["connect_timeout"] = "10";
    parameters.try_emplace("fallback_application_name", "undrop");
    parameters["client_encoding"] = "UTF8";  // scripts are
}

std::string replaced(std::string text, std::string const& what) {
    for (auto at = text.find(what); !what.empty() && at != std::string::npos; at = text.find(what, at + 3))
        text.replace(at, what.size(), "***");
    return text;
}

std::string or_else(char const* text, char const* otherwise) { return text && *text ? text : otherwise; }

Error unreachable(PGconn* handle, Parameters const& parameters) {
    Error error;
    if (!handle) return Error{.message = "there is no memory for a connection"};
    auto const host = or_else(PQhost(handle), "local socket");
    auto const user = or_else(PQuser(handle), "?");
    error.message = fmt::format("no connection to PostgreSQL at {}, port {}, database {}, as {}", host, or_else(PQport(handle), "5432"),
                                or_else(PQdb(handle), user.c_str()), user);
    auto const password = parameters.find("password");
    error.native = one_line(PQerrorMessage(handle));
    if (password != parameters.end()) error.native = replaced(error.native, password->second);
    if (PQconnectionNeedsPassword(handle))
        error.next.advice = "give a password: in the URL, in PGPASSWORD, or in ~/.pgpass";
    else if (PQconnectionUsedPassword(handle))
        error.next.advice = "check the user's name and password";
    else
        error.next.advice = "check that the server is up, and host, port, database and user in the URL";
    return error;
}

}  // namespace

std::string without_foreign_parameters(std::string_view url) {
    auto const query = query_of(url);
    if (query == std::string_view::npos) return std::string(url);
    static auto const known = known_parameters();
    std::string out(url.substr(0, query));
    char separator = '?';
    for (auto rest = url.substr(query + 1); !rest.empty();) {
        auto const one = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
        if (one.empty() || !known.contains(unescaped(one.substr(0, one.find('='))))) continue;
        out += separator;
        out += one;
        separator = '&';
    }
    return out;
}

Parameters parameters_of(pg_conn* connection) {
    OptionList const options(PQconninfo(connection));
    Parameters parameters;
    for (auto const* option = options.get(); option && option->keyword; ++option)
        if (option->val && *option->val) parameters[option->keyword] = option->val;
    parameters["client_encoding"] = "UTF8";  // scripts are
    return parameters;
}

pg_conn* connect(Parameters const& parameters) {
    std::vector<char const*> keywords;
    std::vector<char const*> values;
    for (auto const& [keyword, value] : parameters) {
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    return PQconnectdbParams(keywords.data(), values.data(), 0);
}

pg_conn* connect_like(pg_conn* handle) {
    auto parameters = parameters_of(handle);
    complete(parameters);
    return connect(parameters);
}

Result<std::unique_ptr<Backend>> open_backend(std::string_view url) {
    auto parsed = parse(without_foreign_parameters(url));
    if (!parsed.has_value()) return std::move(parsed).error();
    auto parameters = std::move(parsed).value();
    complete(parameters);
    std::unique_ptr<PGconn, decltype(&PQfinish)> handle(connect(parameters), &PQfinish);
    if (!handle || PQstatus(handle.get()) != CONNECTION_OK) return unreachable(handle.get(), parameters);
    return std::unique_ptr<Backend>(std::make_unique<PostgresBackend>(handle.release(), Connection::Ownership::owned));
}

}  // namespace undrop::postgres

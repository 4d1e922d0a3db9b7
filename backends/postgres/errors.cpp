#include "errors.hpp"

#include <libpq-fe.h>

#include <cstdlib>

#include <fmt/format.h>

namespace undrop::postgres {

namespace {

std::string_view field(PGresult const* result, int code) {
    char const* text = result ? PQresultErrorField(result, code) : nullptr;
    return text ? std::string_view(text) : std::string_view();
}

// Data errors name the value that failed. Where the server points at no place of the statement, it is a row's (P8).
std::string without_values(std::string_view message) {
    std::string out;
    std::size_t from = 0;
    while (from < message.size()) {
        auto const open = message.find('"', from);
        auto const close = open == std::string_view::npos ? open : message.rfind('"');
        if (close == std::string_view::npos || close == open) break;
        out += message.substr(from, open - from);
        out += "(a value)";
        from = close + 1;
    }
    return out + std::string(message.substr(from));
}

bool shows_rows(std::string_view state) { return state.starts_with("22") || state.starts_with("23"); }

std::string primary(PGresult const* result) {
    auto const message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    bool const may_hold_value = field(result, PG_DIAG_SQLSTATE).starts_with("22") && field(result, PG_DIAG_STATEMENT_POSITION).empty();
    return may_hold_value ? without_values(message) : std::string(message);
}

Code code_of(std::string_view state) {
    // Lock not available, deadlock, serialization failure: the same again may work.
    if (state == "55P03" || state == "40P01" || state == "40001") return Code::busy;
    return Code::failed;
}

Error lost_connection(std::string native) {
    Error error;
    error.message = "the connection to the server was lost";
    error.native = std::move(native);
    error.next.advice = "check that the server is up, then ask for the status: what was not committed is taken back by the server";
    return error;
}

}  // namespace

Error hidden_rows(std::string const& tables) {
    return Error{
        .code = Code::refused,
        .message = fmt::format("row level security would hide rows of {} from this role, and undrop saves all rows or none", tables),
        .next = {.advice = fmt::format("use a role that has BYPASSRLS, or one that owns the table where security is not forced "
                                       "(--role); or let the owner say ALTER TABLE {} NO FORCE ROW LEVEL SECURITY",
                                       tables)}};
}

std::string one_line(std::string_view text) {
    auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\n') {
            out += text[i];
            continue;
        }
        while (!out.empty() && blank(out.back())) out.pop_back();
        while (i + 1 < text.size() && blank(text[i + 1])) ++i;
        out += "; ";
    }
    return out;
}

std::string words_of(pg_result const* result) {
    auto const state = field(result, PG_DIAG_SQLSTATE);
    auto const detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    auto const hint = field(result, PG_DIAG_MESSAGE_HINT);
    std::string out = state.empty() ? primary(result) : fmt::format("{}: {}", state, primary(result));
    if (!detail.empty() && !shows_rows(state)) out += fmt::format(" [{}]", detail);  // P8
    if (!hint.empty()) out += fmt::format(" [{}]", hint);
    // Under a name that the server gives its own errors.
    if (field(result, PG_DIAG_SOURCE_FUNCTION) == "exec_stmt_raise" && !state.starts_with("P0")) out += " [raised]";
    return one_line(out);
}

int position_of(pg_result const* result) {
    auto const text = field(result, PG_DIAG_STATEMENT_POSITION);
    return text.empty() ? 0 : std::atoi(text.data());
}

Error error_of(pg_result const* result, pg_conn* connection) {
    if (PQstatus(connection) != CONNECTION_OK) {
        auto words = field(result, PG_DIAG_SQLSTATE).empty() ? one_line(PQerrorMessage(connection)) : words_of(result);
        return lost_connection(std::move(words));
    }
    if (field(result, PG_DIAG_SQLSTATE).empty()) {
        Error error;
        error.message = "the server's answer could not be read";
        error.native = one_line(PQerrorMessage(connection));
        return error;
    }
    // The server's words may be in any language, the name of its function is not.
    if (field(result, PG_DIAG_SOURCE_FUNCTION) == "check_enable_rls") {
        auto const words = primary(result);
        auto const from = words.find('"');
        auto error = hidden_rows(from == std::string::npos ? "a table" : words.substr(from + 1, words.rfind('"') - from - 1));
        error.native = words_of(result);
        return error;
    }
    Error error;
    error.code = code_of(field(result, PG_DIAG_SQLSTATE));
    error.message = "the server refused a statement: " + one_line(primary(result));
    error.native = words_of(result);
    if (error.code == Code::busy) error.next.advice = "try again, when the other session has finished";
    if (field(result, PG_DIAG_SQLSTATE) == "42501")
        error.next.advice = "run it as a role that may (--role, or another user in the URL), or have its owner grant the right";
    return error;
}

std::string_view sqlstate(Error const& error) {
    std::string_view const words = error.native;
    bool const has_state = words.size() > 6 && words[5] == ':' && words.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
    return has_state ? words.substr(0, 5) : std::string_view();
}

}  // namespace undrop::postgres

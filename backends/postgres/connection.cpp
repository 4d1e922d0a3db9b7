#include "connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "errors.hpp"
#include "grouped.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

constexpr std::string_view own_prefix = "undrop_prepared_";
constexpr std::chrono::milliseconds ask_every{50};
constexpr std::chrono::milliseconds first_look{400};
constexpr std::chrono::milliseconds look_every{250};

Rows rows_of(PGresult const* result) {
    int const width = PQnfields(result);
    int const height = PQntuples(result);
    Rows rows(static_cast<std::size_t>(height));
    for (int r = 0; r < height; ++r) {
        auto& row = rows[static_cast<std::size_t>(r)];
        row.reserve(static_cast<std::size_t>(width));
        for (int c = 0; c < width; ++c) {
            if (PQgetisnull(result, r, c))
                row.emplace_back(std::nullopt);
            else
                row.emplace_back(std::string(PQgetvalue(result, r, c), static_cast<std::size_t>(PQgetlength(result, r, c))));
        }
    }
    return rows;
}

std::int64_t affected(PGresult* result) {
    std::string_view const tag = PQcmdStatus(result);
    for (auto const* word : {"INSERT", "UPDATE", "DELETE", "MERGE"})
        if (tag.starts_with(word)) return std::strtoll(PQcmdTuples(result), nullptr, 10);
    return 0;
}

// The place of the n-th character of a statement (1-based) within its script.
Place place_in(Script const& script, Statement const& statement, int position) {
    Place place{script.file, statement.line, statement.column};
    int character = 1;
    for (std::size_t i = 0; i < statement.text.size() && character < position; ++i) {
        if ((static_cast<unsigned char>(statement.text[i]) & 0xC0) == 0x80) continue;  // a character's later bytes in UTF-8
        ++character;
        if (statement.text[i] == '\n') {
            ++place.line;
            place.column = 1;
        } else {
            ++place.column;
        }
    }
    return place;
}

// libpq never tells a receiver's argument, so a receiver that the program set itself could not be put back; it is left in place and gets
// its NOTICEs as ever. What can be replaced and put back is libpq's own receiver, which a connection that never was shows.
PQnoticeReceiver default_receiver() {
    static PQnoticeReceiver const receiver = [] {
        PGconn* none = PQconnectStart("no_such_option=1");
        auto const found = PQsetNoticeReceiver(none, nullptr, nullptr);
        PQfinish(none);
        return found;
    }();
    return receiver;
}

// Of the data of a COPY, as the server says it: `COPY t, line 3, column n: "x"`; 0: it does not.
int line_of_data(PGresult const* result) {
    char const* context = PQresultErrorField(result, PG_DIAG_CONTEXT);
    std::string_view const text = context ? context : "";
    constexpr std::string_view word = ", line ";
    auto const at = text.find(word);
    return text.starts_with("COPY ") && at != std::string_view::npos ? std::atoi(text.data() + at + word.size()) : 0;
}

void end_copy(PGconn* handle, ExecStatusType status) {
    if (status == PGRES_COPY_IN) PQputCopyEnd(handle, "undrop sends no data beside a statement");
    char* line = nullptr;
    while (status == PGRES_COPY_OUT && PQgetCopyData(handle, &line, 0) > 0) PQfreemem(line);
    while (PGresult* rest = PQgetResult(handle)) PQclear(rest);
}

std::vector<char const*> texts_of(std::span<Cell const> parameters) {
    std::vector<char const*> values;
    for (auto const& cell : parameters) values.push_back(cell ? cell->c_str() : nullptr);
    return values;
}

}  // namespace

void ClearResult::operator()(pg_result* result) const { PQclear(result); }

Connection::Connection(pg_conn* handle, Ownership ownership) : handle_(handle), ownership_(ownership) {
    if (PQsetNoticeReceiver(handle_, nullptr, nullptr) == default_receiver()) PQsetNoticeReceiver(handle_, &Connection::notice, this);
}

Connection::~Connection() {
    if (PQsetNoticeReceiver(handle_, nullptr, nullptr) == &Connection::notice) PQsetNoticeReceiver(handle_, default_receiver(), nullptr);
    if (!borrowed()) PQfinish(handle_);
}

void Connection::notice(void* self, pg_result const* result) {
    auto& connection = *static_cast<Connection*>(self);
    char const* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!connection.listener_ || !message) return;
    try {
        connection.listener_(one_line(message));
    } catch (...) {
        connection.listener_threw_ = true;  // libpq is C: the exception ends here, the statement's result says so
    }
}

bool Connection::reconnect() {
    prepared_.clear();
    pooled_.reset();
    cancelled_ = false;
    PQreset(handle_);
    return !lost();
}

void Connection::watch(Watch watch) {
    watch_ = std::move(watch);
    cancelled_ = false;
}

void Connection::cancel() {
    cancelled_ = true;
    auto* const request = PQgetCancel(handle_);
    if (!request) return;
    std::array<char, 256> why{};
    (void)PQcancel(request, why.data(), static_cast<int>(why.size()));  // who cannot be asked is no longer there
    PQfreeCancel(request);
}

// Waits for the server, and meanwhile asks whether to go on.
pg_result* Connection::next_result() {
    using Clock = std::chrono::steady_clock;
    auto next_look = Clock::now() + first_look;
    while ((watch_.cancelled || watch_.look) && PQisBusy(handle_) != 0) {
        pollfd ready{.fd = PQsocket(handle_), .events = POLLIN, .revents = 0};
        auto const came = ready.fd < 0 ? -1 : poll(&ready, 1, static_cast<int>(ask_every.count()));
        if (came != 0 && PQconsumeInput(handle_) == 0) break;
        if (came != 0) continue;
        if (watch_.look && Clock::now() >= next_look) {
            if (!goes_on() && !cancelled_) cancel();
            next_look = Clock::now() + look_every;
        }
        if (!cancelled_ && asked_to_end()) cancel();
    }
    return PQgetResult(handle_);
}

// The program's callbacks may throw.
bool Connection::goes_on() {
    try {
        return watch_.look();
    } catch (...) {
        return false;
    }
}

bool Connection::asked_to_end() {
    try {
        return watch_.cancelled && watch_.cancelled();
    } catch (...) {
        return true;
    }
}

// The last result, as PQexec gives it.
pg_result* Connection::answer(int sent) {
    if (sent == 0) return nullptr;
    pg_result* last = nullptr;
    while (auto* const result = next_result()) {
        PQclear(last);
        last = result;
        auto const status = PQresultStatus(last);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH || lost()) break;
    }
    return last;
}

Result<ResultPtr> Connection::checked(pg_result* raw) {
    ResultPtr result(raw);
    auto const status = PQresultStatus(result.get());
    bool const copies = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
    if (copies) end_copy(handle_, status);
    if (cancelled_ && !lost())
        return Error{.code = Code::interrupted,
                     .message = "interrupted",
                     .native = status == PGRES_FATAL_ERROR ? words_of(result.get()) : std::string()};
    if (std::exchange(listener_threw_, false))
        return Error{.code = Code::interrupted, .message = "the program's event callback threw an exception"};
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) return result;
    if (copies)
        return Error{.code = Code::refused,
                     .message = "COPY from or to the client needs a client program; undrop sends no data beside a statement"};
    auto const field = [&](int code) {
        char const* text = PQresultErrorField(result.get(), code);
        return std::string(text ? text : "");
    };
    violated_ = {field(PG_DIAG_SCHEMA_NAME), field(PG_DIAG_TABLE_NAME), field(PG_DIAG_CONSTRAINT_NAME)};
    return error_of(result.get(), handle_);
}

Result<void> Connection::find_pooler() {
    if (pooled_) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(auto const pid, rows("select pg_catalog.pg_backend_pid()"));
    pooled_ = pid.at(0).at(0) != std::to_string(PQbackendPID(handle_));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<Rows> Connection::rows(std::string const& sql) {
    UNDROP_TRY(auto const result, checked(answer(PQsendQuery(handle_, sql.c_str()))));
    return rows_of(result.get());
}

Result<Rows> Connection::rows(std::string const& sql, std::span<Cell const> parameters) {
    auto const values = texts_of(parameters);
    UNDROP_TRY(auto const result, checked(answer(PQsendQueryParams(handle_, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                                                   values.data(), nullptr, nullptr, 0))));
    return rows_of(result.get());
}

// Planning these takes longer than running them. One with parameters is sure to come again. What is prepared in a pooler's session is
// another's next, and a borrowed connection is the program's.
Result<Rows> Connection::repeated(std::string const& sql, std::span<Cell const> parameters) {
    auto const once = [&] { return parameters.empty() ? rows(sql) : rows(sql, parameters); };
    if (borrowed() || pooled() || !in_transaction()) return once();
    auto const [known, is_first] = prepared_.try_emplace(sql);
    if (is_first && parameters.empty()) return once();
    if (known->second.empty()) {
        auto const name = fmt::format("{}{}", own_prefix, ++last_prepared_);
        UNDROP_CHECK(checked(PQprepare(handle_, name.c_str(), sql.c_str(), 0, nullptr)));
        known->second = name;
    }
    auto const values = texts_of(parameters);
    UNDROP_TRY(auto const result, checked(answer(PQsendQueryPrepared(handle_, known->second.c_str(), static_cast<int>(values.size()),
                                                                     values.data(), nullptr, nullptr, 0))));
    return rows_of(result.get());
}

Result<Rows> Connection::repeated_after(std::string const& first, std::string const& sql) {
    if (borrowed() || pooled()) return rows(first + "; " + sql);
    auto const [known, is_first] = prepared_.try_emplace(sql);
    if (is_first) return rows(first + "; " + sql);
    if (known->second.empty()) {
        auto const name = fmt::format("{}{}", own_prefix, ++last_prepared_);
        UNDROP_CHECK(run(fmt::format("{}; PREPARE {} AS {}", first, name, sql)));
        known->second = name;
    }
    return rows(fmt::format("{}; EXECUTE {}", first, known->second));
}

Result<void> Connection::find_prepared() {
    UNDROP_TRY(auto const all, rows("select s.name from pg_catalog.pg_prepared_statements s"));
    std::set<std::string> there;
    for (auto const& row : all) there.insert(row[0].value_or(""));
    std::erase_if(prepared_, [&](auto const& one) { return !one.second.empty() && !there.contains(one.second); });
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Connection::tidy_prepared() {
    if (pooled()) return drop_prepared();
    if (borrowed()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(auto const all, rows("select s.name, pg_catalog.quote_ident(s.name) from pg_catalog.pg_prepared_statements s"));
    std::set<std::string> ours;
    std::string drop;
    for (auto const& row : all) {
        if (row[0]->starts_with(own_prefix))
            ours.insert(*row[0]);
        else
            drop += fmt::format("DEALLOCATE {};", *row[1]);
    }
    std::erase_if(prepared_, [&](auto const& one) { return !one.second.empty() && !ours.contains(one.second); });
    if (!drop.empty()) UNDROP_CHECK(run(drop));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// A ROLLBACK does not take them back. Others than this transaction's are the pooler's own, or another client's.
Result<void> Connection::drop_prepared() {
    UNDROP_TRY(auto const made, rows("select pg_catalog.quote_ident(s.name) from pg_catalog.pg_prepared_statements s where s.prepare_time "
                                     "operator(pg_catalog.>=) pg_catalog.transaction_timestamp()"));
    for (auto const& row : made) UNDROP_CHECK(run("DEALLOCATE " + *row[0]));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<std::int64_t> Connection::run(std::string const& sql) {
    UNDROP_TRY(auto const result, checked(answer(PQsendQuery(handle_, sql.c_str()))));
    return affected(result.get());
}

Result<void> Connection::run_script(Script const& script, Statement const& statement) {
    auto* result = answer(PQsendQuery(handle_, statement.text.c_str()));
    bool const takes_data = statement.data && PQresultStatus(result) == PGRES_COPY_IN;
    if (takes_data) {
        PQclear(result);
        result = send_data(*statement.data);
    }
    int const position = position_of(result);
    int const line = takes_data ? line_of_data(result) : 0;
    auto done = checked(result);
    if (done.has_value()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto error = std::move(done).error();
    error.where = in_its_file(script, place_in(script, statement, position));
    if (line > 0)  // the data begins below the statement
        error.where = in_its_file(
            script,
            {script.file, statement.line + static_cast<int>(std::count(statement.text.begin(), statement.text.end(), '\n')) + line, 1});
    return error;
}

// The data of a COPY that the server waits for, and the answer to all of it.
pg_result* Connection::send_data(std::string const& data) {
    constexpr std::size_t part = 1U << 20U;
    for (std::size_t from = 0; from < data.size() && !lost(); from += part) {
        if (!cancelled_ && asked_to_end()) cancelled_ = true;
        if (cancelled_) break;
        if (PQputCopyData(handle_, data.data() + from, static_cast<int>(std::min(part, data.size() - from))) != 1) break;
    }
    return answer(PQputCopyEnd(handle_, cancelled_ ? "interrupted" : nullptr));
}

// The extended protocol takes one statement, whatever the settings make of its quotes.
Result<Answer> Connection::ask(Script const& script, Statement const& statement) {
    constexpr Oid boolean = 16;
    if (PQsendQueryParams(handle_, statement.text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0)
        return error_of(nullptr, handle_);
    PQsetSingleRowMode(handle_);
    Answer answer;
    std::optional<Error> failed;
    while (auto* result = next_result()) {
        if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
            if (++answer.rows == 1)
                answer.is_true =
                    PQnfields(result) > 0 && PQftype(result, 0) == boolean && std::string_view(PQgetvalue(result, 0, 0)) == "t";
            PQclear(result);
            continue;
        }
        int const position = position_of(result);
        if (auto done = checked(result); !done && !failed) {
            failed = std::move(done).error();
            failed->where = place_in(script, statement, position);
        }
    }
    if (failed) return std::move(*failed);
    return answer;
}

int Connection::server_version() const { return PQserverVersion(handle_); }
bool Connection::idle() const { return PQtransactionStatus(handle_) == PQTRANS_IDLE; }
bool Connection::in_transaction() const { return PQtransactionStatus(handle_) == PQTRANS_INTRANS; }
bool Connection::lost() const { return PQstatus(handle_) != CONNECTION_OK; }
bool Connection::superuser() const { return parameter("is_superuser") == "on"; }

std::string Connection::parameter(char const* name) const {
    char const* value = PQparameterStatus(handle_, name);
    return value ? value : "";
}

}  // namespace undrop::postgres

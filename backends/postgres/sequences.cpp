#include "sequences.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errors.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// One statement reads so many sequences; each needs a term of its own.
constexpr std::size_t batch = 200;

Result<std::vector<Sequence>> list(Connection& connection, Session const& session, std::string const& but,
                                   std::optional<std::string> const& relations) {
    auto const sql = fmt::format(
        "select c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), s.seqincrement "
        "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_sequence s on "
        "s.seqrelid = c.oid "
        "where c.relpersistence <> 't' and n.nspname <> {} and pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
        "and case when c.relkind = 'S' then pg_catalog.has_sequence_privilege(c.oid, 'SELECT') end {} order by n.nspname, c.relname",
        quote_literal(but), relations ? "and c.oid = any ($1::pg_catalog.oid[])" : "");
    UNDROP_TRY(auto const rows, relations ? connection.repeated(sql, std::array{Cell(*relations)}) : session.repeated(sql));
    std::vector<Sequence> sequences;
    for (auto const& row : rows) sequences.push_back({.oid = *row[0], .name = *row[1], .last = {}, .called = false, .increment = *row[2]});
    return sequences;
}

Result<void> read_batch(Connection& connection, Session const& session, std::span<Sequence> some) {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < some.size(); ++i) terms.push_back(fmt::format("select {}, last_value, is_called from {}", i, some[i].name));
    UNDROP_TRY(auto const rows, connection.rows(session.safely(fmt::format("{}", fmt::join(terms, " union all ")))));
    for (auto const& row : rows) {
        auto& sequence = some[static_cast<std::size_t>(std::stoul(*row[0]))];
        sequence.last = *row[1];
        sequence.called = *row[2] == "t";
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// The value that the sequence gives next, as SQL.
std::string next_of(std::string const& last, std::string const& called, std::string const& increment) {
    return fmt::format("({}::pg_catalog.numeric + case when {} then {} else 0 end)", last, called, increment);
}

// Moves a sequence to a position that lies ahead, in the direction in which it counts; never back.
std::string forward(std::string const& name, std::string const& last, bool called) {
    auto const* const is_called = called ? "true" : "false";
    return fmt::format(
        "select pg_catalog.setval({0}::pg_catalog.regclass, {1}, {2}) from {3} s, pg_catalog.pg_sequence p "
        "where p.seqrelid = {0}::pg_catalog.regclass and ({4} - {5}) * pg_catalog.sign(p.seqincrement::pg_catalog.numeric) > 0",
        quote_literal(name), last, is_called, name, next_of(last, is_called, "p.seqincrement"),
        next_of("s.last_value", "s.is_called", "p.seqincrement"));
}

struct Position {
    std::string last;
    bool called = false;
};

Result<Position> read_position(std::string const& name, std::string const& text) {
    constexpr std::string_view uncalled = " uncalled";
    bool const called = !text.ends_with(uncalled);
    Position position{called ? text : text.substr(0, text.size() - uncalled.size()), called};
    if (position.last.empty() || position.last.find_first_not_of("-0123456789") != std::string::npos)
        return Error{.message = fmt::format("the recorded position of sequence {} is not one", name)};
    return position;
}

}  // namespace

Result<std::vector<Sequence>> read_sequences(Connection& connection, Session const& session, std::string const& but,
                                             std::optional<std::string> const& relations) {
    // Between the list and the reading another session may drop one: the list is made anew.
    for (int tries = 1;; ++tries) {
        UNDROP_TRY(auto sequences, list(connection, session, but, relations));
        Result<void> read = BOOST_OUTCOME_V2_NAMESPACE::success();
        for (std::size_t from = 0; from < sequences.size() && read.has_value(); from += batch)
            read = read_batch(connection, session, std::span(sequences).subspan(from, std::min(batch, sequences.size() - from)));
        if (read.has_value()) return sequences;
        if (sqlstate(read.error()) != "42P01" || tries == 3 || !connection.idle()) return std::move(read).error();
    }
}

void put_back(Connection& connection, Session const& session, std::vector<Sequence> const& before) {
    std::vector<Sequence> now = before;
    for (std::size_t from = 0; from < now.size(); from += batch)
        if (!read_batch(connection, session, std::span(now).subspan(from, std::min(batch, now.size() - from))).has_value()) now = {};
    for (std::size_t i = 0; i < before.size(); ++i) {
        // Where the batch could not be read, each is asked for itself.
        if (!now.empty() && now[i].last == before[i].last && now[i].called == before[i].called) continue;
        (void)connection.rows(session.safely(forward(before[i].name, before[i].last, before[i].called)));
    }
}

Result<bool> is_behind(Connection& connection, std::string const& name, std::string const& now, std::string const& then) {
    UNDROP_TRY(auto const is, read_position(name, now));
    UNDROP_TRY(auto const was, read_position(name, then));
    auto const next = [](Position const& position) { return next_of(position.last, position.called ? "true" : "false", "p.seqincrement"); };
    UNDROP_TRY(auto const rows, connection.rows(fmt::format("select ({} - {}) * pg_catalog.sign(p.seqincrement::pg_catalog.numeric) > 0 "
                                                            "from pg_catalog.pg_sequence p where p.seqrelid = {}::pg_catalog.regclass",
                                                            next(was), next(is), quote_literal(name))));
    return !rows.empty() && rows[0][0] == "t";
}

std::string position_of(Sequence const& sequence) { return sequence.called ? sequence.last : sequence.last + " uncalled"; }

Result<void> advance(Connection& connection, Session const& session, std::string const& name, std::string const& position) {
    UNDROP_TRY(auto const to, read_position(name, position));
    UNDROP_TRY(auto const rows, connection.rows(session.safely(forward(name, to.last, to.called))));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop::postgres

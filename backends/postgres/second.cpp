#include "second.hpp"

#include <libpq-fe.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errors.hpp"
#include "open.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// Whoever waits for a lock that ours forbids stands before our second connection in the queue: it must not wait for long.
constexpr char const* patience = "1s";

// Another server of a list of hosts, or another database behind a pooler, would not know this transaction.
constexpr char const* same_place = R"(
select exists (select from pg_catalog.pg_locks k where k.locktype = 'transactionid' and k.granted and k.pid = {}
               and k.transactionid::pg_catalog.text = (({}::pg_catalog.int8) % 4294967296)::pg_catalog.text)
       and current_database() = {})";

}  // namespace

void Second::close() {
    session_.reset();
    second_.reset();
    tried_ = false;
}

bool Second::open(std::string const& transaction, std::string const& role) {
    if (second_) return true;
    if (tried_ || !allowed_) return false;
    tried_ = true;
    auto* const handle = connect_like(first_.handle());
    if (!handle) return false;
    second_ = std::make_unique<Connection>(handle, Connection::Ownership::owned);
    session_ = std::make_unique<Session>(*second_);
    auto const usable = [&] {
        if (second_->lost()) return false;
        if (role != second_->parameter("session_authorization") && !session_->set_role(role).has_value()) return false;
        auto const there =
            second_->rows(fmt::format(same_place, PQbackendPID(first_.handle()), transaction, quote_literal(PQdb(first_.handle()))));
        return there.has_value() && there.value().at(0).at(0) == "t";
    };
    if (usable()) return true;
    session_.reset();
    second_.reset();
    return false;
}

// Does our own lock keep every other connection from reading?
Result<bool> Second::is_alone(Table const& table) {
    UNDROP_TRY(
        auto const rows,
        first_.rows(fmt::format("select 1 from pg_catalog.pg_locks k where k.pid = pg_catalog.pg_backend_pid() and k.locktype = 'relation' "
                                "and k.mode = 'AccessExclusiveLock' and k.granted and (k.relation = {0} or k.relation in "
                                "(select p.relid from pg_catalog.pg_partition_tree({0}) p)) limit 1",
                                table.id)));
    return !rows.empty();
}

// The server may have ended it meanwhile: then it is as if it never could be had, and the tables are copied.
bool Second::begin() {
    if (session_->begin_reading().has_value() && second_->run(fmt::format("SET LOCAL lock_timeout = '{}'", patience)).has_value())
        return true;
    close();
    tried_ = true;
    return false;
}

// From the one connection into the other, without a look at the rows.
Result<bool> Second::copy(std::string const& from, std::string const& to) {
    if (!begin()) return false;
    ResultPtr const out(PQexec(second_->handle(), from.c_str()));
    if (PQresultStatus(out.get()) != PGRES_COPY_OUT) {
        session_->rollback();
        return false;
    }
    UNDROP_CHECK(first_.run("savepoint undrop_old"));
    ResultPtr const in(PQexec(first_.handle(), to.c_str()));
    if (PQresultStatus(in.get()) != PGRES_COPY_IN) {
        second_.reset();  // in the middle of its answer
        return error_of(in.get(), first_.handle());
    }
    char* chunk = nullptr;
    int size = 0;
    bool sent = true;
    while (sent && !first_.asked_to_end() && (size = PQgetCopyData(second_->handle(), &chunk, 0)) > 0) {
        sent = PQputCopyData(first_.handle(), chunk, size) == 1;
        PQfreemem(chunk);
    }
    ResultPtr const read(sent && size == -1 ? PQgetResult(second_->handle()) : nullptr);
    auto const whole = PQresultStatus(read.get()) == PGRES_COMMAND_OK;
    PQputCopyEnd(first_.handle(), whole ? nullptr : "the old rows could not be read");
    ResultPtr const written(PQgetResult(first_.handle()));
    while (auto* more = PQgetResult(first_.handle())) PQclear(more);
    while (auto* more = whole ? PQgetResult(second_->handle()) : nullptr) PQclear(more);
    if (PQresultStatus(written.get()) != PGRES_COMMAND_OK) {
        if (whole) return error_of(written.get(), first_.handle());
        close();
        tried_ = true;
        UNDROP_CHECK(first_.run("rollback to savepoint undrop_old; release savepoint undrop_old"));
        return false;
    }
    UNDROP_CHECK(first_.run("release savepoint undrop_old"));
    session_->rollback();
    return true;
}

// What another session had changed when the rows were read, and has committed since, is not ours to see either; but by now the second
// connection does not see it any more, while it goes on seeing what we took.
Result<bool> Second::drop_others(std::string const& rows, std::string const& store_table) {
    UNDROP_TRY(auto const read,
               copy(fmt::format("copy (select -pg_catalog.row_number() over (), 'seen', t.tableoid::pg_catalog.int8, t.ctid from {} as t "
                                "where t.xmax <> 0) to stdout",
                                rows),
                    fmt::format("copy {} (n, state, relation, place) from stdin", store_table)));
    if (!read) return false;
    UNDROP_CHECK(
        first_.run(fmt::format("delete from {0} as w where w.state = 'u' and not exists (select from {0} as s where s.state = 'seen' and "
                               "s.place = w.place and s.relation = w.relation); delete from {0} where state = 'seen'",
                               store_table)));
    return true;
}

Result<bool> Second::read_old(Table const& table, OldRows which, std::vector<std::string> const& saved, std::string const& store_table,
                              std::string const& transaction, std::string const& role) {
    UNDROP_TRY(auto const alone, is_alone(table));
    if (alone || !open(transaction, role)) return false;
    PostgresDialect const dialect;
    std::string names;
    std::string values;
    for (std::size_t i = 0; i < saved.size(); ++i) {
        names += fmt::format(", v{}", i + 1);
        values += ", " + saved[i];
    }
    auto const rows = dialect.own_rows(table);
    UNDROP_TRY(
        auto const read,
        copy(fmt::format(
                 "copy (select pg_catalog.row_number() over (), 'u', t.tableoid::pg_catalog.int8, t.ctid{} from {} as t{}) to stdout",
                 values, rows, which == OldRows::taken ? " where t.xmax <> 0" : ""),
             fmt::format("copy {} (n, state, relation, place{}) from stdin", store_table, names)));
    if (read && which == OldRows::taken) {
        // A row that merely was locked, or whose change a savepoint took back, is still ours to see.
        UNDROP_CHECK(first_.run(fmt::format(
            "delete from {} as w using {} as t where t.ctid = w.place and t.tableoid = w.relation::pg_catalog.oid", store_table, rows)));
        UNDROP_TRY(auto const settled, drop_others(rows, store_table));
        if (!settled) return false;
    }
    return read;
}

// An old version points to the one that came after it; the server follows that for us. A row that was deleted, or moved to another
// partition, leads to nothing that we still see. The numbers come first: a join on a volatile function would ask it for every pair.
Result<bool> follow_rows(Connection& connection, Table const& now, std::string const& old_rows, std::string const& pairs) {
    UNDROP_TRY(auto const known, connection.rows("select pg_catalog.to_regprocedure('pg_catalog.currtid2(text, tid)') is not null"));
    if (known.at(0).at(0) != "t") return false;
    PostgresDialect const dialect;
    auto const name = now.partitioned ? std::string("w.relation::pg_catalog.oid::pg_catalog.regclass::pg_catalog.text")
                                      : quote_literal(dialect.relation(now.schema, now.name));
    UNDROP_CHECK(connection.run(
        fmt::format("with f as materialized (select w.n, w.relation::pg_catalog.oid as relation, pg_catalog.currtid2({0}, w.place) as "
                    "place from {1} w) "
                    "insert into {2} (n, l) select f.n, {3} from f join {4} as t on t.ctid = f.place and t.tableoid = f.relation",
                    name, old_rows, pairs, dialect.row_id(now, "t"), dialect.own_rows(now))));
    return true;
}

}  // namespace undrop::postgres

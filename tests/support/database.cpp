#include "support/database.hpp"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

namespace undrop::test {
namespace {

namespace fs = std::filesystem;

// Process numbers come round again within a run.
std::string fresh_name() {
    static std::atomic<int> number = 0;
    static auto const begun = std::chrono::system_clock::now().time_since_epoch().count();
    return "undrop_test_" + std::to_string(getpid()) + "_" + std::to_string(begun) + "_" + std::to_string(++number);
}

// -- PostgreSQL

class PostgresConnection {
public:
    explicit PostgresConnection(std::string const& url) : connection_(PQconnectdb(url.c_str())) {
        if (PQstatus(connection_) != CONNECTION_OK) {
            std::string const why = PQerrorMessage(connection_);
            PQfinish(connection_);
            throw std::runtime_error(why);
        }
        PQsetNoticeReceiver(
            connection_, [](void*, PGresult const*) {}, nullptr);
    }
    PostgresConnection(PostgresConnection const&) = delete;
    PostgresConnection& operator=(PostgresConnection const&) = delete;
    ~PostgresConnection() { PQfinish(connection_); }

    std::vector<Line> ask(std::string const& sql) {
        std::unique_ptr<PGresult, decltype(&PQclear)> const result(PQexec(connection_, sql.c_str()), &PQclear);
        auto const state = PQresultStatus(result.get());
        if (state != PGRES_COMMAND_OK && state != PGRES_TUPLES_OK && state != PGRES_EMPTY_QUERY) {
            std::string const why = PQerrorMessage(connection_);
            if (PQtransactionStatus(connection_) != PQTRANS_IDLE) PQclear(PQexec(connection_, "rollback"));
            throw Refused(why);
        }
        std::vector<Line> lines;
        for (int row = 0; row < PQntuples(result.get()); ++row) {
            Line line;
            for (int column = 0; column < PQnfields(result.get()); ++column) {
                if (PQgetisnull(result.get(), row, column))
                    line.emplace_back(std::nullopt);
                else
                    line.emplace_back(PQgetvalue(result.get(), row, column));
            }
            lines.push_back(std::move(line));
        }
        return lines;
    }

    std::string attempt(std::string const& sql) {
        PQclear(PQexec(connection_, "savepoint attempt"));
        std::unique_ptr<PGresult, decltype(&PQclear)> const result(PQexec(connection_, sql.c_str()), &PQclear);
        auto const state = PQresultStatus(result.get());
        std::string const why = state == PGRES_COMMAND_OK || state == PGRES_TUPLES_OK ? "" : PQerrorMessage(connection_);
        PQclear(PQexec(connection_, why.empty() ? "release attempt" : "rollback to attempt"));
        return why;
    }

private:
    PGconn* connection_;
};

class PostgresSession : public Session {
public:
    explicit PostgresSession(std::string const& url) : connection_(url) {}
    void run(std::string const& sql) override { connection_.ask(sql); }
    std::vector<Line> rows(std::string const& sql) override { return connection_.ask(sql); }
    std::string attempt(std::string const& sql) override { return connection_.attempt(sql); }
    void be_impatient() override { connection_.ask("set lock_timeout = '100ms'"); }

private:
    PostgresConnection connection_;
};

class PostgresDatabase : public Database {
public:
    PostgresDatabase() : name_(fresh_name()), server_(required_variable("UNDROP_TEST_POSTGRES")) {
        PostgresConnection(server_).ask("create database " + name_ + " template template0");
        url_ = with_database(server_, name_);
    }
    ~PostgresDatabase() override {
        session_.reset();
        try {
            PostgresConnection server(server_);
            server.ask("drop database " + name_ + " with (force)");
            server.ask("drop database if exists " + kept());
        } catch (std::exception const&) {  // The server is thrown away with it.
        }
    }
    void run(std::string const& sql) override { session().run(sql); }
    std::vector<Line> rows(std::string const& sql) override { return session().rows(sql); }
    std::string attempt(std::string const& sql) override { return session().attempt(sql); }
    void be_impatient() override { session().be_impatient(); }
    Engine engine() const override { return Engine::postgres; }
    std::string url() const override { return url_; }
    std::string location() const override { return url_; }
    std::unique_ptr<Session> connect() override { return std::make_unique<PostgresSession>(url_); }
    void remember() override { copy(name_, kept()); }
    void rewind() override { copy(kept(), name_); }

private:
    [[nodiscard]] std::string kept() const { return name_ + "_kept"; }
    void copy(std::string const& from, std::string const& to) {
        session_.reset();
        PostgresConnection server(server_);
        auto const others = "select pid from pg_stat_activity where datname = '" + name_ + "' and backend_type = 'client backend'";
        while (!server.ask(others).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        server.ask("drop database if exists " + to);
        server.ask("create database " + to + " template " + from);
    }
    PostgresSession& session() {
        if (!session_) session_ = std::make_unique<PostgresSession>(url_);
        return *session_;
    }
    std::string name_;
    std::string server_;
    std::string url_;
    std::unique_ptr<PostgresSession> session_;
};

// -- SQLite

class SqliteSession : public Session {
public:
    explicit SqliteSession(std::string const& file) {
        if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error("cannot open " + file);
        sqlite3_busy_timeout(handle_, 10'000);
        run("pragma foreign_keys = on");
    }
    SqliteSession(SqliteSession const&) = delete;
    SqliteSession& operator=(SqliteSession const&) = delete;
    ~SqliteSession() override { sqlite3_close(handle_); }

    void run(std::string const& sql) override {
        // SQLite may resolve names by the schema that it saw last, unless it has looked at the file since.
        sqlite3_exec(handle_, "select count(*) from sqlite_schema", nullptr, nullptr, nullptr);
        if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return;
        std::string const why = sqlite3_errmsg(handle_);
        if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "rollback", nullptr, nullptr, nullptr);
        throw Refused(why + " in: " + sql.substr(0, 200));
    }

    std::string attempt(std::string const& sql) override {
        run("savepoint attempt");
        std::string why;
        if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) why = sqlite3_errmsg(handle_);
        if (!why.empty()) run("rollback to attempt");
        run("release attempt");
        return why;
    }

    std::vector<Line> rows(std::string const& sql) override {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
            throw Refused(std::string(sqlite3_errmsg(handle_)) + " in: " + sql.substr(0, 200));
        std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> const owner(statement, &sqlite3_finalize);
        std::vector<Line> lines;
        int state = sqlite3_step(statement);
        for (; state == SQLITE_ROW; state = sqlite3_step(statement)) {
            Line line;
            for (int column = 0; column < sqlite3_column_count(statement); ++column) {
                auto const* text = reinterpret_cast<char const*>(sqlite3_column_text(statement, column));
                if (!text)
                    line.emplace_back(std::nullopt);
                else
                    line.emplace_back(std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))));
            }
            lines.push_back(std::move(line));
        }
        if (state != SQLITE_DONE) throw Refused(sqlite3_errmsg(handle_));
        return lines;
    }
    void be_impatient() override { sqlite3_busy_timeout(handle_, 100); }

    void become(SqliteSession const& other) {
        auto* const copy = sqlite3_backup_init(handle_, "main", other.handle_, "main");
        if (!copy) throw Refused(sqlite3_errmsg(handle_));
        sqlite3_backup_step(copy, -1);
        if (sqlite3_backup_finish(copy) != SQLITE_OK) throw Refused(sqlite3_errmsg(handle_));
    }

private:
    sqlite3* handle_ = nullptr;
};

class SqliteDatabase : public Database {
public:
    SqliteDatabase() : file_(directory_.path() + "/test.db") {
        session_ = std::make_unique<SqliteSession>(file_);
        session_->run("pragma user_version = 0");
    }
    void run(std::string const& sql) override { session_->run(sql); }
    std::vector<Line> rows(std::string const& sql) override { return session_->rows(sql); }
    std::string attempt(std::string const& sql) override { return session_->attempt(sql); }
    void be_impatient() override { session_->be_impatient(); }
    Engine engine() const override { return Engine::sqlite; }
    std::string url() const override { return "sqlite:" + file_; }
    std::string location() const override { return file_; }
    std::unique_ptr<Session> connect() override { return std::make_unique<SqliteSession>(file_); }
    void remember() override {
        kept_ = std::make_unique<SqliteSession>(":memory:");
        kept_->become(*session_);
    }
    void rewind() override { session_->become(*kept_); }

private:
    Directory directory_;
    std::string file_;
    std::unique_ptr<SqliteSession> session_;
    std::unique_ptr<SqliteSession> kept_;
};

}  // namespace

std::string Session::one(std::string const& sql) {
    auto const found = rows(sql);
    if (found.size() != 1 || found[0].size() != 1) throw std::runtime_error("not one cell: " + sql);
    return found[0][0].value_or("NULL");
}

std::int64_t Session::count(std::string const& sql) { return std::stoll(one(sql)); }

std::string Session::table(std::string const& sql) {
    std::string text;
    for (auto const& line : rows(sql)) {
        std::string cells;
        for (auto const& cell : line) cells += (cells.empty() ? "" : "|") + cell.value_or("NULL");
        text += (text.empty() ? "" : "\n") + cells;
    }
    return text;
}

std::string Session::held_off(std::string const& sql) {
    be_impatient();
    try {
        run(sql);
    } catch (Refused const& refused) {
        return refused.what();
    }
    return {};
}

std::string Database::either(std::string const& on_postgres, std::string const& on_sqlite) const {
    return postgres() ? on_postgres : on_sqlite;
}

std::string Database::named(std::string const& table) const { return postgres() ? "public." + table : table; }

std::unique_ptr<Database> Database::make(Engine engine) {
    if (engine == Engine::postgres) return std::make_unique<PostgresDatabase>();
    return std::make_unique<SqliteDatabase>();
}

std::string required_variable(char const* name) {
    auto const* value = std::getenv(name);
    if (!value || !*value)
        throw std::runtime_error(std::string(name) + " is not set: run the tests through tests/support/with-postgres.sh");
    return value;
}

std::string with_database(std::string const& url, std::string const& database) {
    auto const slash = url.find('/', url.find("://") + 3);
    auto const query = url.find('?', slash);
    return url.substr(0, slash + 1) + database + (query == std::string::npos ? "" : url.substr(query));
}

std::unique_ptr<Session> connect_postgres(std::string const& url) { return std::make_unique<PostgresSession>(url); }

Directory::Directory() : path_((fs::temp_directory_path() / fresh_name()).string()) { fs::create_directories(path_); }

Directory::~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void Directory::write(std::string const& name, std::string const& text) const {
    std::ofstream out(path_ + "/" + name, std::ios::binary);
    out << text;
    if (!out.flush()) throw std::runtime_error("cannot write " + name);
}

}  // namespace undrop::test

// A fresh database for one test, and plain SQL on it by the native library: nothing of undrop between.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace undrop::test {

enum class Engine { postgres, sqlite };

using Line = std::vector<std::optional<std::string>>;

// What the database said, for tests that expect a refusal.
class Refused : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A further connection to a test's database: another user of it.
class Session {
public:
    virtual ~Session() = default;
    // One or more statements. Throws Refused.
    virtual void run(std::string const& sql) = 0;
    [[nodiscard]] virtual std::vector<Line> rows(std::string const& sql) = 0;

    // Statements in a transaction that is open: what the database said, and nothing of them is done; or nothing where it took them.
    [[nodiscard]] virtual std::string attempt(std::string const& sql) = 0;

    [[nodiscard]] std::string one(std::string const& sql);     // the only cell, as text; "NULL" for NULL
    [[nodiscard]] std::int64_t count(std::string const& sql);  // the only cell, as a number
    [[nodiscard]] std::string table(std::string const& sql);   // all rows: cells by |, rows by a newline
    // Tries a write that waits for a lock for a moment only: what the database said, or nothing if it let it through.
    [[nodiscard]] std::string held_off(std::string const& sql);
    virtual void be_impatient() = 0;
};

// Removed when it goes out of scope.
class Database : public Session {
public:
    [[nodiscard]] static std::unique_ptr<Database> make(Engine engine);

    [[nodiscard]] virtual Engine engine() const = 0;
    [[nodiscard]] virtual std::string url() const = 0;       // as a user writes it
    [[nodiscard]] virtual std::string location() const = 0;  // as the database's own tools take it
    [[nodiscard]] virtual std::unique_ptr<Session> connect() = 0;
    // The whole database, to the row's place, is kept as it is now, and made so again. Nobody else may be connected.
    virtual void remember() = 0;
    virtual void rewind() = 0;
    [[nodiscard]] bool postgres() const { return engine() == Engine::postgres; }
    // The text for this database, where one text does not do for both.
    [[nodiscard]] std::string either(std::string const& on_postgres, std::string const& on_sqlite) const;
    // As undrop names tables: with the schema, where there are schemas.
    [[nodiscard]] std::string named(std::string const& table) const;
};

// A variable of tests/support/with-postgres.sh. Throws if it is missing: a test is never skipped.
[[nodiscard]] std::string required_variable(char const* name);

// A URL of PostgreSQL with another database.
[[nodiscard]] std::string with_database(std::string const& url, std::string const& database);

// The database under a URL of PostgreSQL, as whoever the URL names.
[[nodiscard]] std::unique_ptr<Session> connect_postgres(std::string const& url);

// A directory for one test, removed when it goes out of scope.
class Directory {
public:
    Directory();
    ~Directory();
    Directory(Directory const&) = delete;
    Directory& operator=(Directory const&) = delete;
    [[nodiscard]] std::string const& path() const { return path_; }
    void write(std::string const& name, std::string const& text) const;

private:
    std::string path_;
};

}  // namespace undrop::test

// Where a way does its job: a database of its own, a directory of migrations, and the programs pointed at both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "race.hpp"
#include "support/database.hpp"

namespace undrop::bench {

using test::Engine;

struct Sizes {
    std::int64_t rows = 1'000'000;
    int migrations = 1'000;
    int tables = 1'000;
    int repeat = 3;
    int starts = 10;  // samples in a row of what takes milliseconds and changes nothing
};

[[nodiscard]] char const* name_of(Engine engine);

class Field {
public:
    explicit Field(Engine engine) : engine_(engine) {}

    void open();  // empty again
    void close();
    [[nodiscard]] test::Database& database() { return *database_; }
    [[nodiscard]] bool postgres() const { return engine_ == Engine::postgres; }
    [[nodiscard]] std::string const& either(std::string const& on_postgres, std::string const& on_sqlite) const;
    [[nodiscard]] std::string migrations() const { return directory_->path(); }
    void write(std::string const& file, std::string const& text) const { directory_->write(file, text); }  // into the migrations

    // `undrop WORDS`, on the database and the migrations.
    [[nodiscard]] Cost undrop(std::vector<std::string> const& words);
    // The script through psql -f or sqlite3.
    [[nodiscard]] Cost plain(std::string const& sql);
    // Any program; what it prints is kept out of the way.
    [[nodiscard]] Cost program(std::vector<std::string> const& words) const;
    [[nodiscard]] std::string file(std::string const& name) const { return scratch_->path() + "/" + name; }

    // Throws unless the query gives this number: a job that was not done has no figure.
    void expect(std::string const& query, std::int64_t number);

private:
    Engine engine_;
    std::unique_ptr<test::Database> database_;
    std::unique_ptr<test::Directory> directory_;
    std::unique_ptr<test::Directory> scratch_;
};

}  // namespace undrop::bench

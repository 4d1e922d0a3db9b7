#include "field.hpp"

#include <stdexcept>

#include "program.hpp"

namespace undrop::bench {

char const* name_of(Engine engine) { return engine == Engine::postgres ? "postgres" : "sqlite"; }

void Field::open() {
    close();
    database_ = test::Database::make(engine_);
    directory_ = std::make_unique<test::Directory>();
    scratch_ = std::make_unique<test::Directory>();
}

void Field::close() {
    database_.reset();
    directory_.reset();
    scratch_.reset();
}

std::string const& Field::either(std::string const& on_postgres, std::string const& on_sqlite) const {
    return postgres() ? on_postgres : on_sqlite;
}

Cost Field::undrop(std::vector<std::string> const& words) {
    std::vector<std::string> all{UNDROP_BENCH_PROGRAM, "--db", database_->url(), "--dir", migrations(), "--yes", "--quiet"};
    all.insert(all.end(), words.begin(), words.end());
    return program(all);
}

Cost Field::plain(std::string const& sql) {
    scratch_->write("script.sql", sql);
    if (postgres()) return program({"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file("script.sql"), database_->location()});
    return program({"sqlite3", "-bail", database_->location(), ".read " + file("script.sql")});
}

Cost Field::program(std::vector<std::string> const& words) const { return timed(words, file("log")); }

void Field::expect(std::string const& query, std::int64_t number) {
    auto const found = database_->count(query);
    if (found != number)
        throw std::runtime_error("the job was not done: " + query + " gives " + std::to_string(found) + ", not " + std::to_string(number));
}

}  // namespace undrop::bench

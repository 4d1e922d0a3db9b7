// What the tests of the PostgreSQL backend share: a fresh database and undrop's connection to it, as a plain owner on a real server.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <undrop/target.hpp>

#include "backend.hpp"
#include "support/database.hpp"

namespace undrop {

using test::Database;
using test::Engine;

// A fresh database, and undrop's connection to it.
struct Shop {
    std::unique_ptr<Database> database = Database::make(Engine::postgres);
    Target target = Target::open(database->url()).value();
    Backend& backend = target.backend();
    Options options{.program = "test", .lock_timeout = std::chrono::milliseconds(200)};

    void begin() { backend.begin(options, {}).value(); }
    void store() {
        begin();
        backend.create_store("undrop").value();
        backend.commit().value();
    }
    Table table(std::string const& name) {
        auto const tables = backend.tables("undrop").value();
        for (auto const& found : tables)
            if (found.name == name) return found;
        throw std::runtime_error("no table " + name);
    }
    std::vector<Statement> split(std::string const& text) { return backend.dialect().split({text, "x.sql"}).value(); }
    // As the core does it.
    Result<void> script(std::string const& text) {
        backend.enter_script().value();
        for (auto const& statement : split(text)) {
            auto done = backend.run_script({text, "x.sql"}, statement);
            if (!done) return done;
            if (auto ours = backend.still_ours(); !ours) return ours;
        }
        return backend.leave_script();
    }
    std::string one(std::string const& sql) { return backend.rows(sql).value().at(0).at(0).value_or("NULL"); }
    // What a script in a step of its own did, which is then taken back.
    Observed look(std::string const& text) {
        begin();
        backend.mark("undrop").value();
        script(text).value();
        auto seen = backend.observed().value();
        backend.rollback();
        return seen;
    }
    bool refuses(std::string const& text, std::string const& word) {
        auto const seen = look(text);
        return std::any_of(seen.refused.begin(), seen.refused.end(), [&](auto const& why) { return why.find(word) != std::string::npos; });
    }
};

inline std::string superuser_url(Shop& shop) {
    auto const url = shop.database->url();
    auto const name = url.substr(url.find(":///") + 4);
    return test::with_database(test::required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), name.substr(0, name.find('?')));
}

}  // namespace undrop

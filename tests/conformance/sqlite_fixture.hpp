// A SQLite database in a temporary directory with the backend on it and, beside it, a plain connection: another user of it.
#pragma once

#include <doctest/doctest.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sqlite/open.hpp"

namespace undrop::sqlite {

namespace fs = std::filesystem;
namespace native = sqlite_api;  // sqlite3.h as SOCI's header includes it

struct Directory {
    fs::path path;
    Directory() {
        auto name = (fs::temp_directory_path() / "undrop-sqlite-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        path = name;
    }
    ~Directory() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    [[nodiscard]] std::string file(std::string const& name = "a.db") const { return (path / name).string(); }
};

// Another user of the database, by the native library.
struct Native {
    native::sqlite3* handle = nullptr;
    explicit Native(std::string const& path) { native::sqlite3_open(path.c_str(), &handle); }
    ~Native() { native::sqlite3_close(handle); }
    Native(Native const&) = delete;
    Native& operator=(Native const&) = delete;

    std::string try_run(std::string const& sql) {
        char* message = nullptr;
        native::sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
        std::string const text = message == nullptr ? "" : message;
        native::sqlite3_free(message);
        return text;
    }
    void run(std::string const& sql) { REQUIRE_EQ(try_run(sql), ""); }
    // All cells, rows by a newline, NULL as NULL.
    std::string all(std::string const& sql) {
        std::string text;
        auto const add = [](void* to, int n, char** cells, char**) {
            auto& out = *static_cast<std::string*>(to);
            for (int i = 0; i < n; ++i) out += fmt::format("{}{}", i == 0 ? "" : "|", cells[i] == nullptr ? "NULL" : cells[i]);
            out += '\n';
            return 0;
        };
        native::sqlite3_exec(handle, sql.c_str(), add, &text, nullptr);
        if (text.ends_with('\n')) text.pop_back();
        return text;
    }
    [[nodiscard]] ::sqlite3* get() const { return static_cast<::sqlite3*>(static_cast<void*>(handle)); }
};

inline std::unique_ptr<Backend> open(std::string const& url) { return open_backend(url).value(); }

// A database with a backend and, beside it, a plain connection.
struct Fixture {
    Directory directory;
    std::unique_ptr<Native> other;
    std::unique_ptr<Backend> backend;

    explicit Fixture(std::string const& sql, std::string const& parameters = "") {
        other = std::make_unique<Native>(directory.file());
        other->run("create table if not exists only_to_make_the_file (a); drop table only_to_make_the_file");
        other->run(sql);
        backend = open("sqlite:" + directory.file() + parameters);
    }
    Backend* operator->() const { return backend.get(); }

    [[nodiscard]] std::vector<Statement> split(std::string const& sql) const { return backend->dialect().split({sql, "x.sql"}).value(); }
    void begin(std::string const& script = "") const { backend->begin({}, split(script)).value(); }
    void mark() const {
        begin();
        backend->mark("undrop").value();
    }
    Result<void> try_script(std::string const& sql) const {
        auto entered = backend->enter_script();
        for (auto const& statement : split(sql))
            if (entered) entered = backend->run_script({sql, "x.sql"}, statement);
        if (entered) entered = backend->leave_script();
        return entered;
    }
    void script(std::string const& sql) const { try_script(sql).value(); }
    [[nodiscard]] std::string one(std::string const& sql) const { return backend->rows(sql).value().at(0).at(0).value_or("NULL"); }
    [[nodiscard]] std::vector<Table> tables() const { return backend->tables("undrop").value(); }
    [[nodiscard]] Table table(std::string const& name) const {
        for (auto const& t : tables())
            if (t.name == name) return t;
        throw std::runtime_error("no table " + name);
    }
    [[nodiscard]] Catalog catalog() const { return backend->catalog("undrop").value(); }
};

inline std::string text_of(Result<void> const& result) { return result ? "" : result.error().text(); }
inline std::string joined(std::vector<std::string> const& list) {
    std::string text;
    for (auto const& item : list) text += (text.empty() ? "" : "; ") + item;
    return text;
}
inline bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

inline void make_store(Backend& backend) {
    backend
        .run(
            "create table main.\"undrop_meta\" (key text not null primary key, value text not null);"
            "create table main.\"undrop_event\" (id bigint not null primary key, run bigint not null, kind text not null, version text, "
            "up_sum text, down_sum text, up_script text, down_script text)")
        .value();
}

}  // namespace undrop::sqlite

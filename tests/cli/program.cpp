#include "program.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <unistd.h>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace undrop::test {
namespace {

std::string quoted(std::string const& word) {
    std::string result = "'";
    for (char const c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

std::string command_of(std::vector<std::string> const& words) {
    std::string result = quoted(UNDROP_TEST_PROGRAM);
    for (auto const& word : words) result += " " + quoted(word);
    return result;
}

}  // namespace

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Desk::Desk() {
    static std::atomic<int> count = 0;
    path = std::filesystem::temp_directory_path() / ("undrop-cli-" + std::to_string(getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directories(path / "migrations");
}

Desk::~Desk() { std::filesystem::remove_all(path); }

void Desk::file(std::string const& name, std::string const& text) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
}

std::string Desk::text(std::string const& name) const {
    std::ifstream in(path / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void Desk::migration(std::string const& name, std::string const& up, std::string const& down) const {
    file("migrations/" + name + ".up.sql", up);
    if (!down.empty()) file("migrations/" + name + ".down.sql", down);
}

std::string Desk::sql(std::string const& text) const {
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open((path / "shop.db").c_str(), &handle) == SQLITE_OK);
    std::string first;
    auto const keep_first = [](void* kept, int columns, char** values, char**) {
        auto& cell = *static_cast<std::string*>(kept);
        if (cell.empty() && columns > 0 && values[0] != nullptr) cell = values[0];
        return 0;
    };
    CHECK(sqlite3_exec(handle, text.c_str(), keep_first, &first, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
    return first;
}

Outcome Desk::shell(std::string const& command) const {
    std::string variables = "env -i PATH=\"$PATH\" HOME=/nonexistent UNDROP=" + quoted(UNDROP_TEST_PROGRAM);
    for (auto const& [name, value] : environment) variables += " " + name + "=" + quoted(value);
    auto const line = "cd " + quoted(path.string()) + " && " + variables + " sh -c " + quoted(command) + " > .out 2> .err";
    int const status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text(".out"), text(".err")};
}

Outcome Desk::run(std::vector<std::string> const& words, std::string const& input) const {
    file(".in", input);
    return shell(command_of(words) + " < .in");
}

Outcome Desk::shop(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--db", url()});
    return run(words);
}

Outcome Desk::on_terminal(std::vector<std::string> const& words, std::string const& input) const {
    file(".in", input);
    return shell("script -qec " + quoted(command_of(words)) + " /dev/null < .in");
}

Shop::Shop() {
    migration("1_create",
              "create table participants (id integer primary key, role text not null default 'viewer', note text);\n"
              "create index participants_role on participants (role);\n",
              "drop table participants;\n");
    REQUIRE(shop({"up", "--create"}).status == 0);
    sql("insert into participants (role) values ('viewer'), ('manager'), ('contributor')");
    migration("2_drop_role", "drop index participants_role;\nalter table participants drop column role;\n");
}

}  // namespace undrop::test

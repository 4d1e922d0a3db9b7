// The real program, run in a directory of its own.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace undrop::test {

struct Outcome {
    int status = -1;  // as a shell gives it
    std::string out;
    std::string err;
    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

[[nodiscard]] bool has(std::string const& text, std::string const& part);

class Desk {
public:
    Desk();
    ~Desk();
    Desk(Desk const&) = delete;
    Desk& operator=(Desk const&) = delete;

    std::filesystem::path path;
    std::map<std::string, std::string> environment;

    void file(std::string const& name, std::string const& text) const;  // directories are made
    [[nodiscard]] std::string text(std::string const& name) const;
    // A migration in `migrations`; no down file where `down` is empty.
    void migration(std::string const& name, std::string const& up, std::string const& down = "") const;
    [[nodiscard]] std::string url() const { return "sqlite:" + (path / "shop.db").string(); }
    // SQL on shop.db, by a connection of its own; the first cell of the first row.
    std::string sql(std::string const& text) const;

    // `undrop WORDS...` without a terminal; standard input is `input`.
    [[nodiscard]] Outcome run(std::vector<std::string> const& words, std::string const& input = "") const;
    // With --db and the desk's shop.db.
    [[nodiscard]] Outcome shop(std::vector<std::string> words) const;
    // On a terminal of its own; out holds both streams.
    [[nodiscard]] Outcome on_terminal(std::vector<std::string> const& words, std::string const& input) const;
    // Any command line of a shell, in the directory, with $UNDROP as the program.
    [[nodiscard]] Outcome shell(std::string const& command) const;
};

// A shop with participants in three roles, and a pending migration that drops the column.
class Shop : public Desk {
public:
    Shop();
};

}  // namespace undrop::test

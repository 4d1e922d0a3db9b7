// What the readers of several formats need.
#pragma once

#include <optional>

#include "sources/format.hpp"

namespace undrop::sources {

[[nodiscard]] Error refused(std::string message, std::string const& file, std::string advice, int line = 0, int column = 0);

[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] bool ends_in_sql(std::string_view name);  // in any case of letters
[[nodiscard]] bool is_digits(std::string_view text);    // one at least

// 12_add_x: the digits, and what follows the underscore.
struct Numbered {
    std::string version;
    std::string name;
};
[[nodiscard]] std::optional<Numbered> numbered(std::string_view stem);

// A version has no blanks: what else a name holds.
[[nodiscard]] std::string as_version(std::string_view name);

// Gathers scripts into migrations.
enum class Part { up, down, check, down_check };
class Gathering {
public:
    // `identity` is what the files of one migration share besides the version.
    [[nodiscard]] Result<void> add(std::string const& version, std::string const& name, Part part, Script script);
    // In the order of versions. Code::refused: a migration with no up script.
    [[nodiscard]] Result<std::vector<Migration>> finish(std::string_view up_ends = ".up.sql");

private:
    struct ByVersion {
        bool operator()(std::string const& a, std::string const& b) const { return version_less(a, b); }
    };
    struct Entry {
        Migration migration;
        std::string first_file;
        bool has_up = false;
    };
    std::map<std::string, Entry, ByVersion> entries_;
};

// One line of a text, without its end.
struct TextLine {
    std::string_view text;
    std::size_t begin = 0;
    int number = 1;
};
[[nodiscard]] std::vector<TextLine> lines_of(std::string_view text);

// `-- +goose Up` as {"Up"} by the prefix "+goose"; nothing for another line. Words are lower case.
[[nodiscard]] std::optional<std::vector<std::string>> annotation(std::string_view line, std::string_view prefix);

// Nothing but blanks, semicolons and comments, and none of these to undrop: a section as the tools' templates make it is no script.
[[nodiscard]] bool says_nothing(std::string_view text);

// Puts `-- undrop: no-transaction where-needed` before the text: the tool runs it outside of a transaction, undrop where it must.
void mark_no_transaction(Script& script);
// The same for tools that run whole files as they are: where the text names what no transaction takes.
void mark_where_concurrent(Script& script);
// Puts `-- undrop: verify` before the text: it holds where it runs.
void mark_verified(Script& script);

// BEGIN and COMMIT are what a step is anyway: blanks take their places, unless a BEGIN is never ended.
struct TakenOff {
    bool rollback = false;     // one instead of COMMIT is as good
    bool superfluous = false;  // also a BEGIN within another, and a COMMIT of nothing, which databases only warn of
};
void take_transaction_off(Script& script, std::string_view dialect, TakenOff taken);

// A template's {{ }} outside of quotes, which no database would take; `everywhere`: the tool renders each, also in quotes.
[[nodiscard]] Result<void> no_template(Script const& script, bool everywhere);

// SHA-256 of a file as it is, and with either end of its lines: tools take the one that it had where they ran it.
[[nodiscard]] std::string digests_of(std::string const& text);

}  // namespace undrop::sources

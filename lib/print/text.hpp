// Words and columns for people, shared by the screen forms and the Markdown ones. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/plan.hpp>
#include <undrop/rehearse.hpp>
#include <undrop/report.hpp>

namespace undrop::print {

[[nodiscard]] std::string thousands(std::int64_t number);                                                    // 100,000
[[nodiscard]] std::string counted(std::int64_t number, std::string_view singular, std::string_view plural);  // "1 row", "2 rows"
[[nodiscard]] std::string bytes(std::int64_t number);                                                        // 3.1 MB
[[nodiscard]] std::string seconds(double number);                                                            // 0.31 s
[[nodiscard]] std::string to_the_second(std::string_view time);                                              // without ISO 8601's fraction
[[nodiscard]] std::size_t width(std::string_view text);                                                      // in characters
[[nodiscard]] std::string padded(std::string_view text, std::size_t to_width);
[[nodiscard]] std::string joined(std::vector<std::string> const& items, std::string_view separator = ", ");
// Names come from files and databases: control characters must not reach a terminal.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string place(Place const& place);
[[nodiscard]] std::string next(Next const& next);                         // "undrop accept 1 (advice)"; empty if there is none
[[nodiscard]] std::string classes(Merged const& merged);                  // "restored 99,500; deleted since 500"
[[nodiscard]] std::string origin(Origin origin, Direction direction);     // whose script runs
[[nodiscard]] std::string cost(StepCost const& cost);                     // what a step took, in one line
[[nodiscard]] std::string steps(std::size_t count, Direction direction);  // "2 steps up"

// Detail lines under a step: a label, a thing, and what is to say of it; the latter two in aligned columns.
class Details {
public:
    void add(std::string_view label, std::string what, std::string rest);
    // Text that needs no columns, wrapped behind the label.
    void add_list(std::string_view label, std::vector<std::string> const& items, std::string_view end = "");
    void add_lines(std::string_view label, std::vector<std::string> const& lines);  // each its own line
    [[nodiscard]] std::string text() const;

private:
    struct Line {
        std::string label;
        std::string what;
        std::string rest;
        bool columns = true;
    };
    std::vector<Line> lines_;
};

// Left-aligned columns, two blanks between, a header; no blanks at line ends.
[[nodiscard]] std::string table(std::vector<std::vector<std::string>> const& rows);

[[nodiscard]] std::string findings(std::vector<Finding> const& findings);

// For Markdown.
[[nodiscard]] std::string escaped(std::string_view text);
[[nodiscard]] std::string code(std::string_view text);
[[nodiscard]] std::string fenced(std::string_view text, std::string_view language);
void bullets(std::string& out, std::string_view title, std::vector<std::string> const& items);
void finding_bullets(std::string& out, std::vector<Finding> const& findings);

}  // namespace undrop::print

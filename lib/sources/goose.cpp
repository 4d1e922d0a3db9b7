// goose: N_name.sql with `-- +goose Up` and `-- +goose Down`.
#include <algorithm>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

constexpr std::string_view mark = "+goose";
constexpr char const* skips_go = "skip-go";

// One file, taken apart by its marks.
class Sections {
public:
    explicit Sections(File const& file) : file_(file) {}

    Result<void> read() {
        for (auto const& line : lines_of(file_.text)) {
            auto const words = annotation(line.text, mark);
            if (words) {
                UNDROP_CHECK(take(line, *words));
            }
            auto& section = section_ == Section::down ? down : up;
            section += added_;
            added_.clear();
            section += line.text;
            section += '\n';
        }
        if (section_ == Section::none)
            return refused("this file has no `-- +goose Up`", file_.where, "put it before the statements of the way up");
        if (in_statement_) return refused("a `-- +goose StatementBegin` here has no StatementEnd", file_.where, "close the block");
        return outcome::success();
    }

    std::string up;
    std::string down;
    int down_line = 0;  // 0: there is none
    bool no_transaction = false;

private:
    enum class Section { none, up, down };

    Result<void> take(TextLine const& line, std::vector<std::string> const& words) {
        auto const is = [&](char const* first, char const* second = nullptr) {
            return !words.empty() && words[0] == first && (second == nullptr || (words.size() > 1 && words[1] == second));
        };
        auto const wrong = [&](char const* message, char const* advice) { return refused(message, file_.where, advice, line.number, 1); };
        if (is("up")) {
            if (section_ != Section::none) return wrong("this is the second way up of the file", "leave one `-- +goose Up`");
            section_ = Section::up;
        } else if (is("down")) {
            if (section_ != Section::up) return wrong("this `-- +goose Down` stands where none can be", "put it once, behind the way up");
            section_ = Section::down;
            down_line = line.number;
        } else if (is("no", "transaction")) {
            no_transaction = true;
        } else if (is("envsub", "on")) {
            return wrong(
                "ENVSUB puts the environment's values into the script, and undrop does not: the same script is then another elsewhere",
                "write the values out, or render the file before (envsubst)");
        } else if (is("statementbegin")) {
            in_statement_ = true;
        } else if (is("statementend")) {
            in_statement_ = false;
            auto const before = trimmed(section_ == Section::down ? down : up);
            if (!before.ends_with(';')) added_.push_back(';');  // the mark ends the statement
        } else if (!is("envsub")) {
            return wrong("goose has no such mark", "the marks are Up, Down, StatementBegin, StatementEnd, NO TRANSACTION");
        }
        return outcome::success();
    }

    File const& file_;
    Section section_ = Section::none;
    std::string added_;
    bool in_statement_ = false;
};

class Goose : public Format {
public:
    Goose() : Format("goose", "N_name.sql with `-- +goose Up` and `-- +goose Down`", Order::numbers) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        return std::any_of(files.begin(), files.end(),
                           [](File const& file) { return holds_both_ways(file) && has_goose_marks(file.text); });
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const& wish) const override {
        Gathering found;
        for (auto const& file : files) {
            if (!file.folder().empty()) continue;
            auto const dot = file.name.rfind('.');
            auto const name = numbered(std::string_view(file.name).substr(0, dot));
            if (file.name.ends_with(".go") && !file.name.ends_with("_test.go") && name && !wish.set.contains(skips_go))
                return refused("this migration is a Go program, which only your own binary runs", file.where,
                               "write it as SQL under the same version; or, where the schema does without it, leave out what is in Go "
                               "with --set skip-go=yes");
            if (!ends_in_sql(file.name)) continue;
            if (!name) return refused("the name of this file is not a migration's", file.where, "name it N_name.sql, N in digits");
            Sections sections(file);
            UNDROP_CHECK(sections.read());
            Script up{std::move(sections.up), file.where};
            if (sections.no_transaction) mark_no_transaction(up);
            UNDROP_CHECK(found.add(name->version, name->name, Part::up, std::move(up)));
            if (says_nothing(sections.down)) continue;
            Script down{std::move(sections.down), file.where, sections.down_line};
            if (sections.no_transaction) mark_no_transaction(down);
            UNDROP_CHECK(found.add(name->version, name->name, Part::down, std::move(down)));
        }
        return found.finish(".sql");
    }
};

}  // namespace

bool has_goose_marks(std::string_view text) {
    for (auto const& line : lines_of(text))
        if (annotation(line.text, mark)) return true;
    return false;
}

Format const& goose() {
    static Goose const format;
    return format;
}

}  // namespace undrop::sources

// dbmate: N_name.sql with `-- migrate:up` and `-- migrate:down`.
#include <algorithm>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace {

constexpr std::string_view mark = "migrate:";

bool says(std::vector<std::string> const& words, char const* what) { return std::find(words.begin(), words.end(), what) != words.end(); }

class Dbmate : public Format {
public:
    Dbmate() : Format("dbmate", "N_name.sql with `-- migrate:up` and `-- migrate:down`", Order::bytes) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        return std::any_of(files.begin(), files.end(),
                           [](File const& file) { return holds_both_ways(file) && has_dbmate_marks(file.text); });
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        Gathering found;
        for (auto const& file : files) {
            if (!file.folder().empty() || !ends_in_sql(file.name)) continue;
            auto const name = numbered(std::string_view(file.name).substr(0, file.name.size() - 4));
            if (!name) return refused("the name of this file is not a migration's", file.where, "name it N_name.sql, N in digits");
            UNDROP_CHECK(read_file(file, *name, found));
        }
        return found.finish(".sql");
    }

private:
    [[nodiscard]] static Result<void> read_file(File const& file, Numbered const& name, Gathering& found) {
        Script up{{}, file.where};
        Script down{{}, file.where, 0};
        bool has_up = false;
        bool up_alone = false;
        bool down_alone = false;
        for (auto const& line : lines_of(file.text)) {
            auto const words = annotation(line.text, mark).value_or(std::vector<std::string>{});
            bool const begins_up = !words.empty() && words[0] == "up";
            bool const begins_down = !words.empty() && words[0] == "down";
            if ((begins_up && has_up) || (begins_down && (down.line != 0 || !has_up)))
                return refused("this mark stands where none can be", file.where,
                               "a file has one `-- migrate:up`, then one `-- migrate:down`", line.number, 1);
            if (begins_up) has_up = true;
            if (begins_up) up_alone = says(words, "transaction:false");
            if (begins_down) down.line = line.number;
            if (begins_down) down_alone = says(words, "transaction:false");
            auto& text = down.line == 0 ? up.text : down.text;
            text += line.text;
            text += '\n';
        }
        if (!has_up) return refused("this file has no `-- migrate:up`", file.where, "put it before the statements of the way up");
        bool const has_down = !says_nothing(down.text);
        if (up_alone) mark_no_transaction(up);
        if (down_alone) mark_no_transaction(down);
        UNDROP_CHECK(found.add(name.version, name.name, Part::up, std::move(up)));
        return has_down ? found.add(name.version, name.name, Part::down, std::move(down))
                        : Result<void>(BOOST_OUTCOME_V2_NAMESPACE::success());
    }
};

}  // namespace

bool has_dbmate_marks(std::string_view text) {
    for (auto const& line : lines_of(text))
        if (auto const words = annotation(line.text, mark); words && !words->empty() && (words->at(0) == "up" || words->at(0) == "down"))
            return true;
    return false;
}

bool is_marked_up(Files const& files) {
    return std::any_of(files.begin(), files.end(), [](File const& file) {
        return holds_both_ways(file) && (has_goose_marks(file.text) || has_dbmate_marks(file.text));
    });
}

Format const& dbmate() {
    static Dbmate const format;
    return format;
}

}  // namespace undrop::sources

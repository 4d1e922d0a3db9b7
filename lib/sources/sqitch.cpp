// Sqitch: sqitch.plan names the changes in order; deploy/, revert/ and verify/ hold their scripts. A change that was reworked has its
// earlier scripts under name@tag. The version is the place in the plan, which is only ever added to.
#include <fmt/format.h>

#include <algorithm>

#include "sources/names.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

struct Change {
    std::string name;
    int line = 0;
    std::vector<std::string> needs;      // names in brackets
    std::vector<std::string> conflicts;  // with a ! in front
    std::vector<std::string> tags;       // behind it, up to the next change
};

struct Layout {
    std::string plan = "sqitch.plan";
    std::string top;  // with the / behind it; empty: the directory itself
    std::string extension = ".sql";
};

std::string slashed(std::string_view folder) {
    while (folder.starts_with("./")) folder.remove_prefix(2);
    while (folder.ends_with('/')) folder.remove_suffix(1);
    return folder.empty() || folder == "." ? std::string() : std::string(folder) + "/";
}

File const* find(Files const& files, std::string const& name) {
    auto const found = std::find_if(files.begin(), files.end(), [&](File const& file) { return file.name == name; });
    return found == files.end() ? nullptr : &*found;
}

// [core] top_dir, plan_file and extension of sqitch.conf.
Layout layout_of(Files const& files) {
    Layout layout;
    auto const* conf = find(files, "sqitch.conf");
    std::string plan;
    std::string section;
    for (auto const& line : conf ? lines_of(conf->text) : std::vector<TextLine>{}) {
        auto const text = trimmed(line.text);
        if (text.starts_with('[')) section = lower(text);
        auto const equals = text.find('=');
        if (section != "[core]" || text.starts_with('#') || text.starts_with(';') || equals == std::string_view::npos) continue;
        auto const key = lower(trimmed(text.substr(0, equals)));
        auto const value = trimmed(text.substr(equals + 1));
        if (key == "top_dir") layout.top = slashed(value);
        if (key == "plan_file") plan = std::string(value);
        if (key == "extension") layout.extension = "." + std::string(value);
    }
    layout.plan = plan.empty() ? layout.top + layout.plan : slashed(plan).substr(0, slashed(plan).size() - 1);
    return layout;
}

// `name [needs !conflict] time planner <mail> # note`, `@tag time ...`, `%pragma=value`.
class Plan {
public:
    explicit Plan(File const& file) : file_(file) {}

    Result<void> read() {
        for (auto const& line : lines_of(file_.text)) {
            auto const text = trimmed(line.text.substr(0, line.text.find('#')));
            if (text.empty() || text.starts_with('%')) continue;
            auto const end = std::min(text.find_first_of(" \t"), text.size());
            auto const word = text.substr(0, end);
            if (word.starts_with('@')) {
                if (changes.empty()) return wrong("this tag stands before the first change", line);
                changes.back().tags.emplace_back(word.substr(1));
                continue;
            }
            if (word.starts_with('-')) return wrong("a change that is planned to be reverted has no place among migrations", line);
            Change change{.name = std::string(word.starts_with('+') ? word.substr(1) : word), .line = line.number};
            UNDROP_CHECK(brackets(text.substr(end), line, change));
            changes.push_back(std::move(change));
        }
        return in_order();
    }

    std::vector<Change> changes;

private:
    [[nodiscard]] Error wrong(std::string message, TextLine const& line) const {
        return refused(std::move(message), file_.where, "correct the plan; `sqitch plan` shows how it is read", line.number, 1);
    }

    [[nodiscard]] Result<void> brackets(std::string_view rest, TextLine const& line, Change& change) const {
        rest = trimmed(rest);
        if (!rest.starts_with('[')) return outcome::success();
        auto const close = rest.find(']');
        if (close == std::string_view::npos) return wrong("the [ of this change is never closed", line);
        for (auto inside = trimmed(rest.substr(1, close - 1)); !inside.empty(); inside = trimmed(inside)) {
            auto const end = std::min(inside.find_first_of(" \t"), inside.size());
            auto word = inside.substr(0, end);
            inside.remove_prefix(end);
            bool const conflict = word.starts_with('!');
            if (conflict || word.starts_with(':')) word.remove_prefix(1);
            if (word.empty() || word.find(':') != std::string_view::npos) continue;  // another project's
            (conflict ? change.conflicts : change.needs).emplace_back(word);
        }
        return outcome::success();
    }

    // What a change needs comes before it, and what it cannot stand does not.
    [[nodiscard]] Result<void> in_order() const {
        std::vector<std::string> known;
        for (auto const& change : changes) {
            auto const is_known = [&](std::string const& name) {
                return std::find(known.begin(), known.end(), name.starts_with('@') ? name : name.substr(0, name.find('@'))) != known.end();
            };
            for (auto const& need : change.needs)
                if (!is_known(need))
                    return refused(fmt::format("{} needs {}, which does not come before it", change.name, need), file_.where,
                                   "put what is needed first", change.line, 1);
            for (auto const& conflict : change.conflicts)
                if (is_known(conflict))
                    return refused(fmt::format("{} conflicts with {}, which comes before it", change.name, conflict), file_.where,
                                   "take one of the two out of the plan", change.line, 1);
            known.push_back(change.name);
            for (auto const& tag : change.tags) known.push_back("@" + tag);
        }
        return outcome::success();
    }

    File const& file_;
};

// name, or name@tag for the scripts of before it was reworked: by the first tag since for which there are some.
std::string script_name(std::vector<Change> const& changes, std::size_t at, Files const& files, Layout const& layout) {
    auto const& name = changes[at].name;
    auto const again = std::find_if(changes.begin() + static_cast<std::ptrdiff_t>(at) + 1, changes.end(),
                                    [&](Change const& later) { return later.name == name; });
    if (again == changes.end()) return name;
    std::string first;
    for (auto change = changes.begin() + static_cast<std::ptrdiff_t>(at); change != again; ++change)
        for (auto const& tag : change->tags) {
            auto const tagged = name + "@" + tag;
            if (find(files, layout.top + "deploy/" + tagged + layout.extension)) return tagged;
            if (first.empty()) first = tagged;
        }
    return first.empty() ? name : first;
}

class Sqitch : public Format {
public:
    Sqitch() : Format("sqitch", "sqitch.plan, deploy/, revert/, verify/; the version is the place in the plan", Order::listed) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        return find(files, "sqitch.plan") != nullptr || (find(files, "sqitch.conf") && find(files, layout_of(files).plan));
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const&) const override {
        auto layout = layout_of(files);
        auto const* file = find(files, layout.plan);
        if (!file) {  // the directory is the top one itself
            layout = Layout{.extension = layout.extension};
            file = find(files, layout.plan);
        }
        if (!file) return refused("there is no sqitch.plan", files.empty() ? "" : files.front().where, "name the directory that has it");
        Plan plan(*file);
        UNDROP_CHECK(plan.read());
        std::vector<Migration> migrations;
        for (std::size_t i = 0; i < plan.changes.size(); ++i) {
            auto const name = script_name(plan.changes, i, files, layout);
            auto const script = [&](char const* folder) { return find(files, layout.top + folder + name + layout.extension); };
            auto const* deploy = script("deploy/");
            if (!deploy)
                return refused(fmt::format("{} has no script deploy/{}{}", name, name, layout.extension), file->where,
                               "bring the file back", plan.changes[i].line, 1);
            Migration migration{.version = std::to_string(i + 1), .name = name, .up = {deploy->text, deploy->where}};
            if (auto const* revert = script("revert/")) migration.down = Script{revert->text, revert->where};
            if (auto const* verify = script("verify/")) {
                migration.check = Script{verify->text, verify->where};
                mark_verified(*migration.check);
            }
            migrations.push_back(std::move(migration));
        }
        return migrations;
    }
};

}  // namespace

Format const& sqitch() {
    static Sqitch const format;
    return format;
}

}  // namespace undrop::sources

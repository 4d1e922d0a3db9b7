// Sqitch: sqitch.plan names the changes in order; deploy/, revert/ and verify/ hold their scripts. A change that was reworked has its
// earlier scripts under name@tag. The version is the place in the plan, which is only ever added to.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sources/git_config.hpp"
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

// With a / behind it; empty: the directory itself.
std::string slashed(std::string_view folder) {
    auto path = std::filesystem::path(folder).lexically_normal().generic_string();
    while (path.ends_with('/') && path.size() > 1) path.pop_back();
    return path.empty() || path == "." ? std::string() : path + "/";
}

File const* find(Files const& files, std::string const& name) {
    auto const found = std::find_if(files.begin(), files.end(), [&](File const& file) { return file.name == name; });
    return found == files.end() ? nullptr : &*found;
}

constexpr char const* by_engine = "sqitch-engine";  // --set sqitch-engine=pg

// Whose scripts sqitch.conf is asked for: the target's database; without one what the project says.
Result<std::string> engine_of(File const& conf, GitConfig const& config, SourceWish const& wish) {
    if (auto const said = wish.set.find(by_engine); said != wish.set.end()) return said->second;
    auto const usual = config.get("core", "", "engine").value_or("");
    if (wish.dialect.empty()) return usual;
    std::string const engine = wish.dialect == "postgresql" ? "pg" : wish.dialect;
    if (usual.empty() || usual == engine || config.has_section("engine", engine)) return engine;
    return refused(
        fmt::format("these scripts are for {}: core.engine of sqitch.conf", usual), conf.where,
        fmt::format("name the directory for {}, or say in a section [engine \"{}\"] where its scripts are; --set {}={} takes these", engine,
                    engine, by_engine, usual));
}

struct Layout {
    std::string plan = "sqitch.plan";
    std::string deploy = "deploy/";
    std::string revert = "revert/";
    std::string verify = "verify/";
    std::string reworked_deploy;  // of name@tag
    std::string reworked_revert;
    std::string reworked_verify;
    std::string extension = ".sql";
};

// What sqitch.conf says of the engine's default target, of the engine, and of all, in this order; then what Sqitch takes by itself.
class Settings {
public:
    Settings(GitConfig const& config, std::string engine) : config_(config), engine_(std::move(engine)) {
        target_ = get("target").value_or("");  // a name; or an address, of which there is no section
    }

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const {
        auto value = target_.empty() ? std::nullopt : config_.get("target", target_, key);
        if (!value && !engine_.empty()) value = config_.get("engine", engine_, key);
        if (!value && !engine_.empty()) value = config_.get("core", engine_, key);
        return value ? value : config_.get("core", "", key);
    }

    [[nodiscard]] std::string folder(std::string_view key, std::string const& otherwise) const {
        auto const value = get(key);
        return value ? slashed(*value) : otherwise;
    }

private:
    GitConfig const& config_;
    std::string engine_;
    std::string target_;
};

Result<Layout> layout_of(Files const& files, SourceWish const& wish) {
    auto const* conf = find(files, "sqitch.conf");
    Layout layout;
    std::string top;
    GitConfig config;
    if (conf) {
        UNDROP_TRY(config, GitConfig::read(*conf));
        UNDROP_TRY(auto const engine, engine_of(*conf, config, wish));
        Settings const settings(config, engine);
        top = settings.folder("top_dir", "");
        layout.extension = "." + settings.get("extension").value_or("sql");
        auto const plan = settings.folder("plan_file", "");
        layout.plan = plan.empty() ? top + layout.plan : plan.substr(0, plan.size() - 1);
        if (!find(files, layout.plan) && find(files, "sqitch.plan")) {  // the directory is the top one itself
            top.clear();
            layout.plan = "sqitch.plan";
        }
        layout.deploy = settings.folder("deploy_dir", top + layout.deploy);
        layout.revert = settings.folder("revert_dir", top + layout.revert);
        layout.verify = settings.folder("verify_dir", top + layout.verify);
        auto const reworked = settings.get("reworked_dir");
        auto const again = [&](char const* key, std::string const& usual, char const* name) {
            return settings.folder(key, reworked ? slashed(*reworked) + name : usual);
        };
        layout.reworked_deploy = again("reworked_deploy_dir", layout.deploy, "deploy/");
        layout.reworked_revert = again("reworked_revert_dir", layout.revert, "revert/");
        layout.reworked_verify = again("reworked_verify_dir", layout.verify, "verify/");
        for (auto const& path : {layout.plan, layout.deploy, layout.revert, layout.verify})
            if (path.starts_with("../") || path.starts_with('/'))
                return refused(fmt::format("{} is not below the directory of this file", path), conf->where,
                               "name the directory above both with --dir, and put sqitch.conf there");
        return layout;
    }
    layout.reworked_deploy = layout.deploy;
    layout.reworked_revert = layout.revert;
    layout.reworked_verify = layout.verify;
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
        std::map<std::string, bool> tagged;  // each change so far: since its last scripts
        for (auto const& change : changes) {
            auto const [last, is_new] = tagged.try_emplace(change.name, false);
            if (!is_new && !last->second)
                return refused(fmt::format("{} is there twice, and no tag stands between", change.name), file_.where,
                               "take one of the two out, or tag the first: `sqitch rework` makes the scripts of both", change.line, 1);
            last->second = false;
            if (!change.tags.empty())
                for (auto& [name, since] : tagged) since = true;
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

// The tag under which the scripts are that a change had before it was reworked: the first since for which there are some. Empty: it was
// not.
std::string tag_of(std::vector<Change> const& changes, std::size_t at, Files const& files, Layout const& layout) {
    auto const& name = changes[at].name;
    auto const again = std::find_if(changes.begin() + static_cast<std::ptrdiff_t>(at) + 1, changes.end(),
                                    [&](Change const& later) { return later.name == name; });
    if (again == changes.end()) return {};
    std::string first;
    for (auto change = changes.begin() + static_cast<std::ptrdiff_t>(at); change != again; ++change)
        for (auto const& tag : change->tags) {
            if (find(files, layout.reworked_deploy + name + "@" + tag + layout.extension)) return tag;
            if (first.empty()) first = tag;
        }
    return first;
}

class Sqitch : public Format {
public:
    Sqitch() : Format("sqitch", "sqitch.plan, deploy/, revert/, verify/; the version is the place in the plan", Order::listed) {}

    [[nodiscard]] bool fits(Files const& files) const override {
        if (find(files, "sqitch.plan")) return true;
        if (!find(files, "sqitch.conf")) return false;
        auto const layout = layout_of(files, {});
        auto const is_plan = [](File const& file) { return file.base() == "sqitch.plan"; };
        return !layout || find(files, layout.value().plan) || std::any_of(files.begin(), files.end(), is_plan);
    }

    [[nodiscard]] Result<std::vector<Migration>> read(Files const& files, SourceWish const& wish) const override {
        UNDROP_TRY(auto const layout, layout_of(files, wish));
        auto const* file = find(files, layout.plan);
        if (!file)
            return refused(fmt::format("there is no {}", layout.plan), files.empty() ? "" : files.front().where,
                           "name the directory that has it, or the one with sqitch.conf");
        Plan plan(*file);
        UNDROP_CHECK(plan.read());
        std::vector<Migration> migrations;
        for (std::size_t i = 0; i < plan.changes.size(); ++i) {
            auto const tag = tag_of(plan.changes, i, files, layout);
            auto const name = plan.changes[i].name + (tag.empty() ? "" : "@" + tag);
            auto const script = [&](std::string const& usual, std::string const& reworked) {
                return find(files, (tag.empty() ? usual : reworked) + name + layout.extension);
            };
            auto const* deploy = script(layout.deploy, layout.reworked_deploy);
            if (!deploy)
                return refused(fmt::format("{} has no script {}{}{}", name, tag.empty() ? layout.deploy : layout.reworked_deploy, name,
                                           layout.extension),
                               file->where, "bring the file back", plan.changes[i].line, 1);
            Migration migration{.version = std::to_string(i + 1), .name = name, .up = {deploy->text, deploy->where}};
            if (auto const* revert = script(layout.revert, layout.reworked_revert)) migration.down = Script{revert->text, revert->where};
            if (auto const* verify = script(layout.verify, layout.reworked_verify)) {
                migration.check = Script{verify->text, verify->where};
                mark_verified(*migration.check);
            }
            migrations.push_back(std::move(migration));
        }
        return migrations;
    }
};

}  // namespace

std::vector<std::string> named_in_sqitch_conf(File const& conf) {
    auto const config = GitConfig::read(conf);
    if (!config) return {};
    auto names = config.value().all("plan_file");
    for (auto const& extension : config.value().all("extension")) names.push_back("." + extension);
    return names;
}

Format const& sqitch() {
    static Sqitch const format;
    return format;
}

}  // namespace undrop::sources

#include "adopt.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <undrop/undrop.hpp>

#include "apply.hpp"
#include "histories.hpp"
#include "json.hpp"
#include "source_for.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using State = AdoptedMigration::State;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// How the event of an adopted migration begins: its detail.
constexpr char const* mark = "{\"adopted\":";

bool same(std::string_view a, std::string_view b) { return !version_less(a, b) && !version_less(b, a); }

Error refused(std::string message, Next next) {
    return {.code = Code::refused, .left = Left::untouched, .message = std::move(message), .next = std::move(next)};
}

// Which migrations of the source the database has.
class Chooser {
public:
    Chooser(Source const& source, History const& history) : source_(source), history_(history) {}

    Result<void> by_version(std::string const& wanted) {
        auto const version = full_version(wanted, source_, history_);
        auto const is_it = [&](Migration const& m) { return m.kind != Migration::Kind::repeatable && same(m.version, version); };
        if (version != "0" && std::none_of(source_.migrations.begin(), source_.migrations.end(), is_it))
            return Error{.code = Code::usage,
                         .left = Left::untouched,
                         .message = fmt::format("there is no migration {} in {}", wanted, source_.origin),
                         .next = {.command = "status", .advice = "it lists what there is"}};
        // A repeatable migration does no harm when it runs again: it stays pending.
        choose([&](Migration const& m) { return m.kind == Migration::Kind::usual && version != "0" && !version_less(version, m.version); });
        return success();
    }

    Result<void> by_history(ToolHistory const& tool, bool skip_missing) {
        std::vector<ToolHistory::Entry> no_file;
        for (auto const& entry : tool.applied) {
            auto const file = std::find_if(source_.migrations.begin(), source_.migrations.end(), [&](Migration const& m) {
                return matches(m, entry) || repeats(m, entry) || is_file_of(m, entry);
            });
            if (file == source_.migrations.end()) {
                no_file.push_back(entry);
            } else {
                UNDROP_CHECK(is_as_applied(*file, entry, tool));
            }
        }
        if (!no_file.empty() && no_file.size() == tool.applied.size() && tool.baseline.empty())
            return refused(
                fmt::format("nothing that {} has is in {}: its first is {}", tool.table, source_.origin, name_of(no_file.front())),
                {.advice = "name the directory that the tool was run with, with --dir; and its layout with --source-format"});
        if (!no_file.empty() && !skip_missing) return without_file(tool, no_file);
        choose([&](Migration const& m) {
            bool const usual = m.kind == Migration::Kind::usual;
            if (usual && !tool.baseline.empty() && !version_less(tool.baseline, m.version)) return true;
            return std::any_of(tool.applied.begin(), tool.applied.end(), [&](ToolHistory::Entry const& entry) {
                return matches(m, entry) || is_file_of(m, entry) || (repeats(m, entry) && checksum_of(m) == entry.checksum) ||
                       (usual && tool.up_to && !version_less(entry.version, m.version));
            });
        });
        for (auto const& entry : no_file)
            migrations.push_back({entry.version, entry.version.empty() ? name_of(entry) : entry.name, State::no_file});
        return success();
    }

    std::vector<AdoptedMigration> migrations;
    std::vector<Migration const*> chosen;  // to be adopted

private:
    static bool matches(Migration const& migration, ToolHistory::Entry const& entry) {
        if (migration.kind != Migration::Kind::usual || entry.version.empty()) return false;
        return same(migration.version, entry.version) || migration.version + "_" + migration.name == entry.version;
    }

    // By the file's digest alone.
    [[nodiscard]] bool is_file_of(Migration const& migration, ToolHistory::Entry const& entry) const {
        return migration.kind == Migration::Kind::usual && entry.version.empty() && entry.name.empty() &&
               agrees(checksum_of(migration), entry.checksum);
    }

    // One of those that the file may have, with blanks between them: its lines may end otherwise where it was checked out anew.
    static bool agrees(std::string const& checksums, std::string const& checksum) {
        return !checksum.empty() && (" " + checksums + " ").find(" " + checksum + " ") != std::string::npos;
    }

    // Flyway's descriptions have blanks where the file's name has underscores.
    static bool repeats(Migration const& migration, ToolHistory::Entry const& entry) {
        if (migration.kind != Migration::Kind::repeatable || !entry.version.empty()) return false;
        auto const alike = [](char a, char b) { return (a == '_' ? ' ' : a) == (b == '_' ? ' ' : b); };
        return std::equal(migration.name.begin(), migration.name.end(), entry.name.begin(), entry.name.end(), alike);
    }

    [[nodiscard]] std::string checksum_of(Migration const& migration) const {
        auto const found = source_.tool_checksums.find(migration.version);
        return found == source_.tool_checksums.end() ? std::string() : found->second;
    }

    static std::string name_of(ToolHistory::Entry const& entry) {
        if (entry.version.empty() && entry.name.empty()) return "a file of the digest " + entry.checksum.substr(0, 12);
        return entry.version.empty() ? entry.name : entry.version;
    }

    // A repeatable migration runs again when it has changed; any other must be what the tool ran, or the ledger would hold what never was.
    [[nodiscard]] Result<void> is_as_applied(Migration const& migration, ToolHistory::Entry const& entry, ToolHistory const& tool) const {
        auto const checksum = checksum_of(migration);
        if (migration.kind != Migration::Kind::usual || checksum.empty() || entry.checksum.empty() || agrees(checksum, entry.checksum) ||
            history_.find(migration.version))
            return success();
        auto error = refused(
            fmt::format("{} {} is not what was applied: its checksum is {}, and {} has {}", migration.version, migration.name,
                        checksum.substr(0, checksum.find(' ')), tool.table, entry.checksum),
            {.advice = "bring back the file that was applied; where the edit changes nothing, `flyway repair` takes the new checksum for "
                       "Flyway's, and --at VERSION adopts any without looking at it"});
        error.where = {.file = migration.up.file};
        return error;
    }

    [[nodiscard]] Error without_file(ToolHistory const& tool, std::vector<ToolHistory::Entry> const& no_file) const {
        std::string names;
        for (std::size_t i = 0; i < no_file.size() && i < 5; ++i) names += (i == 0 ? "" : ", ") + name_of(no_file[i]);
        if (no_file.size() > 5) names += fmt::format(" and {} more", no_file.size() - 5);
        return refused(
            fmt::format("{} has {}, and {} has no file of {}", tool.table, names, source_.origin, no_file.size() == 1 ? "it" : "them"),
            {.advice = "name the directory of the branch that was deployed; or, where the files are gone for good, leave out what "
                       "has none with --skip-missing"});
    }

    template <class Has>
    void choose(Has const& has) {
        for (auto const& migration : source_.migrations) {
            if (migration.kind == Migration::Kind::baseline) continue;
            auto state = State::pending;
            if (history_.find(migration.version))
                state = State::known;
            else if (has(migration))
                state = State::adopted;
            migrations.push_back({migration.version, migration.name, state});
            if (state == State::adopted) chosen.push_back(&migration);
        }
    }

    Source const& source_;
    History const& history_;
};

Result<void> write(Backend& backend, Ledger& ledger, std::vector<Migration const*> const& chosen, std::string const& by,
                   Options const& options) {
    UNDROP_CHECK(ledger.ensure(options));
    UNDROP_CHECK(backend.begin(options, {}));
    auto written = [&]() -> Result<void> {
        UNDROP_TRY(auto const run, ledger.next_run());
        for (auto const* migration : chosen) {
            UNDROP_TRY(auto const id, ledger.next_event());
            UNDROP_CHECK(ledger.add(id,
                                    {.run = run,
                                     .kind = "applied",
                                     .version = migration->version,
                                     .name = migration->name,
                                     .up = migration->up,
                                     .down = migration->down,
                                     .check = migration->check,
                                     .down_check = migration->down_check,
                                     .detail = mark + Json(by).dump(-1, ' ', false, Json::error_handler_t::replace) + "}"},
                                    options));
        }
        return backend.commit();
    }();
    if (!written) backend.rollback();
    return written;
}

Result<ToolHistory> read_history(Backend& backend, std::string const& tool, Options const& options) {
    UNDROP_CHECK(backend.begin_reading());
    auto history = read_tool_history(backend, options.ledger, tool);
    backend.rollback();
    return history;
}

char const* name_of(State state) {
    switch (state) {
        case State::adopted:
            return "adopted";
        case State::known:
            return "applied";
        case State::pending:
            return "pending";
        case State::no_file:
            break;
    }
    return "no file";
}

}  // namespace

Result<bool> was_adopted(Backend& backend, Ledger& ledger, Applied const& applied) {
    UNDROP_TRY(auto const rows, backend.store_rows(ledger.name(), fmt::format("select id from {} where id = {} and detail like '{}%'",
                                                                              ledger.table("event"), applied.step, mark)));
    return !rows.empty();
}

Result<Adoption> adopt(Target& target, Source const& source, AdoptWish const& wish, Options const& options) {
    if (wish.at.has_value() == wish.from.has_value())
        return Error{.code = Code::usage,
                     .left = Left::untouched,
                     .message = "adopt wants either the version that the database is at or the tool whose history says it",
                     .next = {.command = "adopt --help"}};
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    Adoption adoption{.target = target.description(), .dry_run = wish.dry_run};
    UNDROP_CHECK(with_run_lock(backend, options, [&]() -> Result<void> {
        UNDROP_TRY(auto const history, ledger.history());
        if (history.unfinished)
            return refused(fmt::format("{} {} is in progress", history.unfinished->version, history.unfinished->name),
                           {.command = "status", .advice = "the next `undrop up` or `undrop down` ends it"});
        Chooser chooser(source, history);
        std::string by;
        if (wish.at) {
            UNDROP_CHECK(chooser.by_version(*wish.at));
            by = "by version " + *wish.at;
        } else {
            UNDROP_TRY(auto const tool, read_history(backend, *wish.from, options));
            UNDROP_CHECK(chooser.by_history(tool, wish.skip_missing));
            adoption.table = tool.table;
            by = fmt::format("from {}, {}", *wish.from, tool.table);
        }
        adoption.migrations = std::move(chooser.migrations);
        return wish.dry_run || chooser.chosen.empty() ? success() : write(backend, ledger, chooser.chosen, by, options);
    }));
    return adoption;
}

std::string to_json(Adoption const& adoption) {
    auto json = document("adoption");
    json["target"] = adoption.target;
    json["table"] = adoption.table.empty() ? Json(nullptr) : Json(adoption.table);
    json["dry_run"] = adoption.dry_run;
    json["migrations"] = list(adoption.migrations, [](AdoptedMigration const& m) {
        return Json{{"version", m.version}, {"name", m.name}, {"state", name_of(m.state)}};
    });
    return dumped(json);
}

}  // namespace undrop

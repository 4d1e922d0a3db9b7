// Derive: a down script for a migration that has none, found and proved in a sandbox.
#include <undrop/derive.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>

#include <undrop/schema.hpp>

#include "apply.hpp"
#include "down_script.hpp"
#include "json.hpp"
#include "keep_aside.hpp"
#include "outside.hpp"
#include "rules.hpp"
#include "sandbox.hpp"
#include "schema_source.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Error refused(std::string message, std::string advice, std::string file = {}) {
    return {
        .code = Code::refused, .message = std::move(message), .where = {.file = std::move(file)}, .next = {.advice = std::move(advice)}};
}

// What went wrong in the sandbox, told to who asked for a file; the target is as it was.
Error elsewhere(Error error, std::string const& what) {
    if (error.code == Code::interrupted) return error;
    error.code = Code::refused;
    error.left = Left::untouched;
    error.message = fmt::format("{} in the disposable database: {}", what, error.message);
    error.next.command.clear();
    error.trail.clear();
    return error;
}

// May what the script does to rows matter for what holds of them later? Definitions alone do not.
bool writes_rows(std::vector<Statement> const& statements) {
    constexpr std::array defining = {"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE", "PRAGMA", "SET"};
    return !std::all_of(statements.begin(), statements.end(), [&](Statement const& statement) {
        return std::any_of(defining.begin(), defining.end(), [&](char const* word) { return statement.words.starts_with(word); });
    });
}

std::string came_back(Snapshot const& snapshot) {
    switch (snapshot.kind) {
        case Snapshot::Kind::table:
            return "rows of " + snapshot.what();
        case Snapshot::Kind::deleted:
            return "rows of " + snapshot.what();
        case Snapshot::Kind::view:
            return "what " + snapshot.what() + " held";
        default:
            return "values of " + snapshot.what();
    }
}

// As a directive names it.
std::string as_word(Dialect const& dialect, std::string const& name) {
    auto const plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
    return plain ? name : dialect.quote(name);
}

class Deriving {
public:
    Deriving(Backend& backend, Migration const& migration, Options const& options)
        : backend_(backend), ledger_(backend, options.ledger), migration_(migration), options_(options) {}

    [[nodiscard]] Result<void> make(Schema const& schema);
    [[nodiscard]] Result<void> apply_first(Migration const& migration);
    [[nodiscard]] Result<void> derive(DerivedDown& down);

private:
    struct Seen {
        Catalog catalog;
        std::vector<Table> tables;
    };

    [[nodiscard]] Result<Seen> look();
    [[nodiscard]] Result<Report> run(Migration const& migration, Direction direction, std::optional<std::string> const& down);
    [[nodiscard]] Result<MendLog> go_back();
    [[nodiscard]] Result<void> prove(DerivedDown& down, DownContext const& context, MendLog const& log);
    [[nodiscard]] std::map<ObjectId, ColumnChanges> column_changes(Seen const& before, Seen const& after) const;
    void write(DerivedDown& down, DownScript script) const;
    [[nodiscard]] std::string head(DerivedDown const& down, DownScript const& script) const;

    Backend& backend_;
    Ledger ledger_;
    Migration const& migration_;
    Options const& options_;
    Opposite opposite_;
    bool writes_ = false;
    std::vector<std::string> waived_;
};

Result<void> Deriving::make(Schema const& schema) {
    UNDROP_CHECK(backend_.begin(options_, {}));
    for (auto const& object : schema.objects) {
        auto made = backend_.run(object.sql);
        if (made) continue;
        backend_.rollback();
        auto error = elsewhere(std::move(made).error(), fmt::format("the target's {} cannot be made", object.text()));
        error.next.advice = "say --on-empty: the earlier migrations are run there instead";
        return error;
    }
    return backend_.commit();
}

Result<Deriving::Seen> Deriving::look() {
    UNDROP_CHECK(backend_.begin_reading());
    Seen seen;
    auto read = [&]() -> Result<void> {
        UNDROP_TRY(seen.catalog, backend_.catalog(options_.ledger));
        UNDROP_TRY(seen.tables, backend_.tables(options_.ledger));
        return success();
    }();
    backend_.rollback();
    if (!read) return std::move(read).error();
    return seen;
}

Result<Report> Deriving::run(Migration const& migration, Direction direction, std::optional<std::string> const& down) {
    PlannedStep step{.version = migration.version, .name = migration.name, .direction = direction, .up = migration.up};
    if (down) step.down = Script{*down, migration.version + "_" + migration.name + ".down.sql"};
    auto const& script = direction == Direction::up ? migration.up : *step.down;
    for (auto& finding : script_findings(backend_.dialect(), script, step.statements))
        if (finding.severity == Finding::Severity::stop)
            return Error{.code = Code::refused, .message = std::move(finding.text), .where = std::move(finding.where)};
    return apply_locked(backend_, {.direction = direction, .ledger = options_.ledger, .steps = {step}}, options_);
}

Result<void> Deriving::apply_first(Migration const& migration) {
    auto applied = run(migration, Direction::up, {});
    if (applied) return success();
    auto error =
        elsewhere(std::move(applied).error(), fmt::format("{} {}, which comes before it, fails", migration.version, migration.name));
    if (error.where.file.empty()) error.where.file = migration.up.file;
    return error;
}

// The way back that undrop goes by itself, written down as it goes.
Result<MendLog> Deriving::go_back() {
    PlannedStep const step{.version = migration_.version,
                           .name = migration_.name,
                           .direction = Direction::down,
                           .origin = Origin::derived,
                           .up = migration_.up};
    MendLog log;
    StepRunner runner(backend_, ledger_, options_, step, "", 0);
    runner.log_mend(log);
    auto done = runner.run();
    if (done) return log;
    auto error = elsewhere(std::move(done).error(), "no way back can be derived");
    error.next.advice = "write the down script by hand";
    return error;
}

// Columns that were renamed are renamed back; of the others, what a script can do where a table is otherwise built anew.
std::map<ObjectId, ColumnChanges> Deriving::column_changes(Seen const& before, Seen const& after) const {
    auto const& dialect = backend_.dialect();
    std::map<ObjectId, ColumnChanges> changes;
    for (auto const& then : before.tables) {
        auto const* now = find_table(after.tables, table_name(then));
        auto const renamed = [&](std::string const& column) {
            return std::any_of(opposite_.renames.begin(), opposite_.renames.end(), [&](Rename const& r) {
                return r.before == table_name(then) && (r.column_before == column || r.column_after == column);
            });
        };
        if (!now) continue;
        auto& [statements, unfilled] = changes[{"table", then.schema, then.name}];
        for (auto const& column : now->columns)
            if (!then.column(column.name) && !renamed(column.name))
                statements.push_back(
                    fmt::format("ALTER TABLE {} DROP COLUMN {};", dialect.relation(now->schema, now->name), dialect.quote(column.name)));
        for (auto const& column : then.columns) {
            auto bare = dialect.add_bare_column(then, column);
            if (now->column(column.name) || renamed(column.name) || bare.empty() || column.generated) continue;
            auto const none = column.default_sql.empty();
            if (!none && !is_constant(column.default_sql)) continue;
            statements.push_back(bare + (none ? "" : " DEFAULT " + column.default_sql) + ";");
            if (none && column.not_null) unfilled.push_back({"column", as_word(dialect, then.name), column.name});
        }
    }
    return changes;
}

std::string Deriving::head(DerivedDown const& down, DownScript const& script) const {
    auto const described = backend_.description();
    std::string text = fmt::format("-- {}: the way back, as undrop derived it from the up, and tried it, in a disposable database {}.\n",
                                   migration_.name, described.substr(described.rfind('(')));
    text += "-- Read it and change it: from now on this file is what runs.\n";
    if (!down.comes_back.empty() || writes_) {
        text += "--\n-- Not in this file, since undrop does it by itself once the script has run, from what it saved on the way up:\n";
        for (auto const& one : down.comes_back) text += fmt::format("--   {} come back\n", one);
        if (writes_) text += "--   rows that the up changes or deletes come back, where nobody has written to them since\n";
    }
    if (!down.left.empty()) {
        text += "-- And after them, because it counts on them or is more than a script can do:\n";
        for (auto const& sql : down.left) {
            std::string line = "--   ";
            for (char const c : sql) line += c == '\n' ? std::string("\n--   ") : std::string(1, c);
            text += line + "\n";
        }
    }
    if (script.leaves_rights) text += "-- What is made here gets its owners and rights back as well.\n";
    if (!waived_.empty())
        text += fmt::format("--\n-- Lost for good, as the up says with its directive `lose`: {}\n", fmt::join(waived_, ", "));
    for (auto const& column : script.unfilled) {
        auto const name = fmt::format("{}.{}", column.parent, as_word(backend_.dialect(), column.name));
        text += fmt::format(
            "--\n-- Rows that were inserted since the up have no value for {0}, which must not be NULL in the end. If there may be\n"
            "-- such rows, say above the first statement what they get, by a line\n--   -- undrop: backfill {0} = EXPRESSION\n",
            name);
    }
    if (writes_)
        text +=
            "--\n-- Rows that the up inserted go again where they are as it left them and nobody refers to them; without this line they "
            "stay:\n"
            "-- undrop: remove-inserted\n";
    return text;
}

void Deriving::write(DerivedDown& down, DownScript script) const {
    down.left = std::move(script.left);
    down.statements = std::move(script.statements);
    auto const* const source = dynamic_cast<SchemaSource const*>(&backend_);
    if (script.makes_functions && source && source->engine() == std::string_view("PostgreSQL"))
        down.statements.insert(down.statements.begin(),
                               "-- A body may name what is made after it.\nSET LOCAL check_function_bodies = off;");
    down.text = head(down, script);
    for (auto const& sql : down.statements) down.text += "\n" + sql + "\n";
    if (down.statements.empty()) down.text += "--\n-- Nothing is left for a script to do.\n";
}

// Up again, and down by the script: what it leaves undone undrop does, and what it does wrong is an error.
Result<void> Deriving::prove(DerivedDown& down, DownContext const& context, MendLog const& log) {
    auto tries = std::vector{context};
    if (!context.column_changes.empty())
        tries.push_back({.before = context.before, .up_writes = context.up_writes, .column_changes = {}, .rebuilt = {}});
    Error error;
    for (auto const& one : tries) {
        write(down, write_down(log, one));
        UNDROP_CHECK(run(migration_, Direction::up, {}));
        auto proved = run(migration_, Direction::down, down.text);
        if (proved) {
            auto seen = one;
            auto const& mended = proved.value().steps.at(0).mended;
            for (auto const& [id, changes] : seen.column_changes)
                if (std::find(mended.begin(), mended.end(), id.text()) == mended.end()) seen.rebuilt.insert(id);
            write(down, write_down(log, seen));
            return success();
        }
        if (proved.error().code == Code::interrupted) return std::move(proved).error();
        error = std::move(proved).error();
        UNDROP_TRY(auto const again, go_back());
    }
    error = elsewhere(std::move(error), "undrop finds its way back, but the script of it fails");
    error.where = {};
    error.next.advice = "do without the file (`down` derives the way back by itself), or write it by hand";
    return error;
}

Result<void> Deriving::derive(DerivedDown& down) {
    UNDROP_TRY(auto const statements, backend_.dialect().split(migration_.up));
    writes_ = writes_rows(statements);
    UNDROP_TRY(auto const before, look());
    auto up = run(migration_, Direction::up, {});
    if (!up) {
        auto error = elsewhere(std::move(up).error(), "the up fails");
        if (error.where.file.empty()) error.where.file = migration_.up.file;
        if (down.from_target)
            error.next.advice =
                "it had the target's schema, and no rows; with --on-empty it has what the earlier migrations make, and their rows";
        return error;
    }
    waived_ = up.value().steps.at(0).waived;
    UNDROP_TRY(auto const after, look());
    UNDROP_TRY(auto const history, ledger_.history());
    auto const* applied = history.find(migration_.version);
    if (!applied) return Error{.message = "the sandbox's ledger does not have the migration that was applied there"};
    UNDROP_TRY(opposite_, read_opposite(ledger_, applied->step, Direction::down));
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind != Snapshot::Kind::sequence) down.comes_back.push_back(came_back(snapshot));
    UNDROP_TRY(auto const log, go_back());
    DownContext context{.before = before.catalog, .up_writes = writes_, .column_changes = {}, .rebuilt = {}};
    if (std::any_of(log.begin(), log.end(), [](Mended const& m) { return m.kind == Mended::Kind::reshape; }))
        context.column_changes = column_changes(before, after);
    return prove(down, context, log);
}

// P7: all that can be said of the files alone.
Result<Migration const*> wanted(Source const& source, DownWish const& wish, Dialect const& dialect) {
    auto const* migration = find_migration(source, wish.version);
    if (!migration)
        return Error{.code = Code::usage,
                     .message = fmt::format("there is no migration {} in {}", wish.version, source.origin),
                     .next = {.command = "status", .advice = "it lists what there is"}};
    auto const& up = migration->up;
    if (migration->down)
        return refused(fmt::format("{} has a down script already, and it is not overwritten", migration->version),
                       "move it away first, if undrop is to write another one", migration->down->file);
    UNDROP_CHECK(directives(up));
    if (auto const reason = reason_of(up); !reason.empty())
        return refused(fmt::format("{} says that it is irreversible: {}", migration->version, reason), "take that directive out first",
                       up.file);
    if (!names_to_keep(up).empty())
        return refused(fmt::format("{} keeps columns aside, and their way back is undrop's: it renames them", migration->version),
                       "leave the down script out: `down` does all of it", up.file);
    PlannedStep const step{.version = migration->version, .name = migration->name, .up = up};
    if (is_marked(up) || runs_in_parts(dialect, step))
        return refused(fmt::format("{} runs in parts, outside of one transaction, and its way back would have to", migration->version),
                       "leave the down script out (`down` derives the way back), or write it by hand", up.file);
    return migration;
}

}  // namespace

Result<DerivedDown> derive_down(Target& target, Source const& source, DownWish const& wish, Options const& given) {
    auto options = given;
    options.atomic = false;
    options.keep_snapshots = {};
    options.on_event = {};
    UNDROP_TRY(auto const* const migration, wanted(source, wish, target.backend().dialect()));
    DerivedDown down{.version = migration->version, .name = migration->name};
    History history;
    if (!wish.on_empty) {
        UNDROP_TRY(history, Ledger(target.backend(), options.ledger).history());
        if (history.unfinished)
            return refused(fmt::format("{} is in progress on the target, whose schema is between two states", history.unfinished->version),
                           "try again when it is through, or say --on-empty");
        down.from_target = !history.find(migration->version);
        if (!down.from_target) history = {};
    }
    Schema schema;
    if (down.from_target) {
        UNDROP_TRY(schema, read_schema(target, {}, options));
        auto const missing = schema.unknown.empty() ? schema.circular : schema.unknown;
        if (!missing.empty())
            return refused(fmt::format("the target's schema has what undrop cannot make in a disposable database: {}", missing.front()),
                           "say --on-empty: the earlier migrations are run there instead");
    }
    UNDROP_TRY(auto const sandbox, target.backend().make_sandbox({.data = {}, .elsewhere = wish.sandbox}));
    Deriving deriving(sandbox->backend(), *migration, options);
    UNDROP_CHECK(with_run_lock(sandbox->backend(), options, [&]() -> Result<void> {
        if (down.from_target) UNDROP_CHECK(deriving.make(schema));
        UNDROP_CHECK(Ledger(sandbox->backend(), options.ledger).ensure(options));
        for (auto const& earlier : source.migrations) {
            if (earlier.kind == Migration::Kind::baseline) continue;  // what it stands for is applied one by one
            if (!version_less(earlier.version, migration->version) || history.find(earlier.version)) continue;
            UNDROP_CHECK(deriving.apply_first(earlier));
            down.applied.push_back(earlier.version);
        }
        return deriving.derive(down);
    }));
    UNDROP_CHECK(sandbox->end());
    return down;
}

std::string to_json(DerivedDown const& down) {
    auto json = document("derived_down");
    json["version"] = down.version;
    json["name"] = down.name;
    json["text"] = down.text;
    json["statements"] = down.statements;
    json["left"] = down.left;
    json["comes_back"] = down.comes_back;
    json["from_target"] = down.from_target;
    json["applied"] = down.applied;
    return dumped(json);
}

}  // namespace undrop

#include "evidence.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "digest.hpp"
#include "mend.hpp"
#include "sql_tokens.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string text_of(Directives const& told) {
    std::string text;
    auto const add = [&](std::string_view what, std::string_view value) { text += fmt::format("{}\x1f{}\x1e", what, value); };
    auto lose = told.lose;
    std::sort(lose.begin(), lose.end());
    for (auto const& name : lose) add("lose", name);
    for (auto const& backfill : told.backfill) add("backfill " + backfill.column, backfill.expression);
    for (auto const& table : told.touches) add("touches", table);
    if (told.no_transaction) add("no-transaction", "");
    if (told.irreversible) add("irreversible", *told.irreversible);
    return text;
}

void add_tables(Catalog const& before, std::set<TableName> const& tables, std::set<ObjectId>& ids) {
    if (tables.empty()) return;
    for (auto const& id : objects_around(before, tables)) ids.insert(id);
}

// Tables whose rows the script updates or deletes by its text: here there may be none.
std::set<TableName> written_by(Dialect const& dialect, Script const& script, State const& before) {
    auto const statements = dialect.split(script);
    if (!statements) return {};
    std::vector<Table> tables;
    for (auto const& [name, rows] : before.tables) tables.push_back(rows->table);
    return resolve(dialect.foresee(statements.value()), tables).writes;
}

}  // namespace

std::string directives_digest(Script const& up, std::optional<Script> const& down) {
    std::string text;
    for (auto const* script : {&up, down ? &*down : nullptr}) {
        auto const told = script ? directives(*script) : Result<Directives>(Directives{});
        text += (told ? text_of(told.value()) : "unreadable") + "\x1d";
    }
    // Most have none; then there is nothing to show.
    return text == "\x1d\x1d" ? std::string() : sha256_hex(text);
}

void note_scripts(Migration const& migration, bool derived, Rehearsed& found) {
    found.up_sum = checksum(migration.up.text);
    if (migration.down) found.down_sum = checksum(migration.down->text);
    found.directives = directives_digest(migration.up, migration.down);
    found.down_derived = derived || !migration.down;
}

bool is_at_stake(ObjectId const& id) { return !grants_rights(id) && !id.kind.starts_with("owner of ") && id.kind != "default_privileges"; }

std::string digest_of(Object const& object) { return sha256_hex(object.make).substr(0, 32); }

std::string fingerprint_of(std::vector<ObjectAtStake> const& objects) {
    std::string text;
    for (auto const& object : objects) text += object.kind + '\0' + object.parent + '\0' + object.name + '\0' + object.before + '\n';
    return sha256_hex(text);
}

Result<void> note_stake(Backend& backend, Ledger& ledger, Script const& up, State const& before, State const& after, Touched const& touched,
                        Rehearsed& found) {
    UNDROP_TRY(auto const step, ledger.last_step(found.version, "applied"));
    UNDROP_TRY(auto const recorded, ledger.objects(step));
    std::set<ObjectId> ids;
    std::set<TableName> tables;
    if (touched) tables = *touched;
    if (!touched)
        for (auto const& [name, rows] : before.tables) tables.insert(name);
    for (auto const& object : recorded) {
        ids.insert(object.id);
        if (object.id.kind == "table") tables.insert({object.id.parent, object.id.name});
    }
    add_tables(before.catalog, tables, ids);
    auto const by_text = written_by(backend.dialect(), up, before);
    add_tables(before.catalog, by_text, ids);
    tables.insert(by_text.begin(), by_text.end());
    auto const digest = [](Catalog const& catalog, ObjectId const& id) {
        auto const object = catalog.find(id);
        return object == catalog.end() ? std::string() : digest_of(object->second);
    };
    for (auto const& id : ids)
        if (is_at_stake(id)) found.at_stake.push_back({id.kind, id.parent, id.name, digest(before.catalog, id), digest(after.catalog, id)});
    found.fingerprint = fingerprint_of(found.at_stake);

    UNDROP_CHECK(backend.begin_reading());
    auto counted = [&]() -> Result<void> {
        for (auto const& [name, rows] : before.tables) {
            if (!tables.contains(name)) continue;
            UNDROP_TRY(auto const count, backend.rows("select count(*) from " + rows->store));
            std::vector<std::string> columns;
            for (std::size_t i = 1; i <= rows->columns.size(); ++i) columns.push_back(fmt::format("v{}", i));
            RowsCompared compared{.table = rows->table.text(), .rows = std::stoll(count.at(0).at(0).value_or("0"))};
            if (compared.rows > 0 && !columns.empty()) {
                UNDROP_TRY(compared.hash, backend.hash_of(rows->store, columns));
            }
            found.compared.push_back(std::move(compared));
        }
        return success();
    }();
    backend.rollback();
    return counted;
}

std::set<ObjectId> objects_around(Catalog const& catalog, std::set<TableName> const& tables) {
    auto ids = objects_of(catalog, tables);
    if (std::any_of(catalog.begin(), catalog.end(), [](auto const& entry) { return entry.first.kind == "column"; })) {
        // What a trigger, a default or a check does is in its function's body.
        std::set<ObjectId> functions;
        for (auto const& id : ids)
            if (auto const object = catalog.find(id); object != catalog.end())
                for (auto const& need : object->second.needs)
                    if (need.kind == "function" && catalog.contains(need)) functions.insert(need);
        ids.merge(functions);
        return ids;
    }
    for (auto const& [id, object] : catalog)
        for (auto const& table : tables)
            if (names_word(object.make, table.second)) ids.insert(id);
    return ids;
}

void mark_not_exercised(Evidence& evidence) {
    auto const& empty = evidence.not_filled;
    for (auto& migration : evidence.migrations)
        for (auto const& compared : migration.compared)
            if (compared.rows == 0 && std::find(empty.begin(), empty.end(), compared.table) != empty.end())
                migration.not_exercised.push_back(compared.table);
}

void settle(Evidence& evidence) {
    mark_not_exercised(evidence);
    evidence.undrop = UNDROP_VERSION;
    evidence.at = utc_now();
    auto const open = evidence.target.rfind('(');
    if (open != std::string::npos && evidence.target.ends_with(')'))
        evidence.database = evidence.target.substr(open + 1, evidence.target.size() - open - 2);
}

}  // namespace undrop

// The part of the planner that asks what the role could not bring back (P7): objects of others that a step takes along, rows of tables that
// it may not write, extensions that it may not make.
#include <algorithm>
#include <array>
#include <cctype>

#include "grouped.hpp"
#include "planner.hpp"
#include "removal.hpp"
#include "rules.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
using Kind = Foreseen::Touch::Kind;

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

// Then others' rights hold than those of now.
bool changes_role(std::vector<Statement> const& statements) {
    constexpr std::array words{"set role", "set local role", "set session role", "session authorization", "'role'", "grant "};
    return std::any_of(statements.begin(), statements.end(), [&](Statement const& statement) {
        auto const text = lower(statement.text);
        return std::any_of(words.begin(), words.end(), [&](char const* word) { return text.find(word) != std::string::npos; });
    });
}

// What the script's text does to tables that it names without a doubt: a name without a schema may mean another of several.
Foresight without_doubt(Foreseen::Touch const& touch, std::vector<Table> const& tables) {
    auto const meant = [&](Table const& table) {
        return table.name == touch.table && (touch.schema.empty() || table.schema == touch.schema);
    };
    Foreseen one;
    if (std::count_if(tables.begin(), tables.end(), meant) == 1) one.touches.push_back(touch);
    return resolve(one, tables);
}

Table const* table_of(Foresight const& touched, std::vector<Table> const& tables) {
    for (auto const* names : {&touched.tables, &touched.locks, &touched.writes, &touched.copies})
        if (!names->empty()) return find_table(tables, *names->begin());
    return touched.columns.empty() ? nullptr : find_table(tables, touched.columns.begin()->first);
}

// What goes where these go: by CASCADE, or the database refuses the script.
Catalog taken_by(Catalog const& catalog, Foresight const& foresight, Foreseen const& foreseen) {
    auto const is_body = [&](ObjectId const& id) {
        return std::any_of(foreseen.bodies.begin(), foreseen.bodies.end(), [&](Foreseen::Body const& body) {
            auto const name = id.kind == "function" || id.kind == "procedure" ? id.name.substr(0, id.name.find('(')) : id.name;
            return body.name == name && (body.schema.empty() || names_table(id.parent + "." + id.name, {body.schema, id.name})) &&
                   (id.kind.ends_with("view") || id.kind == "function" || id.kind == "procedure");
        });
    };
    Catalog taken;
    for (auto const& [id, object] : catalog) {
        auto const full = id.parent.empty() ? id.name : id.parent + "." + id.name;
        auto const goes = [&](TableName const& table) {
            return is_relation(id, table) || (id.kind == "sequence" && names_table(full, table));
        };
        if (std::any_of(foresight.tables.begin(), foresight.tables.end(), goes) || is_body(id) ||
            std::any_of(foresight.columns.begin(), foresight.columns.end(), [&](auto const& column) {
                return id.kind == "column" && id.name == column.second && names_table(id.parent, column.first);
            }))
            taken.emplace(id, object);
    }
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : catalog)
            if (!taken.contains(id) &&
                std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) { return taken.contains(need); })) {
                taken.emplace(id, object);
                grown = true;
            }
    }
    return taken;
}

}  // namespace

Result<void> Planner::find_what_cannot_come_back(PlannedStep const& step, std::vector<Statement> const& statements,
                                                 std::vector<std::string> const& lose, Foresight const& foresight, Opposite const& opposite,
                                                 Plan& plan) {
    auto const add = [&](std::vector<Finding> found, std::optional<Script> const& script) {
        for (auto& finding : found) {
            if (script && finding.where.line > 0)
                finding.where = in_its_file(*script, {script->file, finding.where.line, finding.where.column});
            auto const known = [&](Finding const& other) { return other.code == finding.code && other.text == finding.text; };
            if (std::none_of(plan.findings.begin(), plan.findings.end(), known)) plan.findings.push_back(std::move(finding));
        }
    };
    auto const up = step.direction == Direction::up;
    auto const& script = up ? step.up : step.down;
    for (auto const& statement : statements) {
        UNDROP_TRY(auto found, backend_.cannot_let_go(statement, lose));
        add(std::move(found), script);
    }
    std::vector<Table> read;
    Backend::WantedRights wanted;
    Catalog objects;
    auto const owned = !changes_role(statements);
    Foresight certain;
    for (auto const& statement : statements) {
        for (auto const& touch : backend_.dialect().foresee({statement}).touches) {
            auto const altered =
                touch.kind == Kind::drop_table || touch.kind == Kind::drop_column || statement.words.starts_with("ALTER TABLE");
            auto const touched = without_doubt(touch, tables_);
            auto const* table = table_of(touched, tables_);
            if (!table) continue;
            certain.add(touched);
            auto& rights = wanted[table_name(*table)];
            if (owned && altered && touch.kind != Kind::create) rights.insert(touch.kind == Kind::drop_table ? "DROP" : "OWNER");
            if (up && touch.kind == Kind::rewrite_rows && statement.words.starts_with("DELETE")) rights.insert({"SELECT", "INSERT"});
            if (up && touch.kind == Kind::rewrite_rows && statement.words.starts_with("UPDATE")) rights.insert({"SELECT", "UPDATE"});
        }
    }
    if (up) {
        for (auto const& table : tables_)
            if (auto const name = table_name(table);
                foresight.saves_values(name) || foresight.copies.contains(name) || foresight.writes.contains(name))
                if (certain.locks_table(name) || certain.writes.contains(name)) read.push_back(table);
        if (catalog_read_ && reason_of(*step.up).empty()) objects = taken_by(catalog_, certain, backend_.dialect().foresee(statements));
    } else {
        for (auto const& snapshot : opposite.snapshots)
            if (auto const* table = find_table(tables_, name_now(opposite.renames, table_name(snapshot.table)))) {
                read.push_back(*table);
                auto& rights = wanted[table_name(*table)];
                if (snapshot.kind == Snapshot::Kind::deleted) rights.insert({"SELECT", "INSERT"});
                if (snapshot.kind == Snapshot::Kind::updated) rights.insert({"SELECT", "UPDATE"});
            }
        std::map<std::string, TableName> named;  // as the catalog writes them
        for (auto const& table : tables_)
            for (auto const& schema : {table.schema, backend_.dialect().quote(table.schema)})
                for (auto const& name : {table.name, backend_.dialect().quote(table.name)})
                    named.emplace(table.schema.empty() ? name : schema + "." + name, table_name(table));
        for (auto const& [id, object] : opposite.wanted) {
            auto const is = catalog_.find(id);
            auto const there = is != catalog_.end();
            if (!catalog_read_ || there == object.has_value()) {
                if (!there || is->second.same(*object)) continue;
                if (grants_rights(id)) objects.emplace(id, *object);
            } else if (object) {
                objects.emplace(id, *object);
            }
            for (auto const& name : {id.parent, id.parent.empty() ? id.name : id.parent + "." + id.name})
                if (auto const table = named.find(name); owned && table != named.end()) wanted[table->second].insert({"OWNER", "SELECT"});
        }
    }
    if (auto const hidden = backend_.sees_all_rows(read); !hidden)
        add({{.severity = Finding::Severity::stop, .code = "row-security", .text = hidden.error().message, .next = hidden.error().next}},
            {});
    std::erase_if(wanted, [](auto const& entry) { return entry.second.empty(); });
    UNDROP_TRY(auto lacking, backend_.missing_rights(wanted));
    add(std::move(lacking), {});
    if (!owned) return success();
    UNDROP_TRY(auto found, backend_.cannot_make(objects));
    add(std::move(found), {});
    return success();
}

}  // namespace undrop

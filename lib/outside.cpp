#include "outside.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "look.hpp"
#include "step.hpp"

namespace undrop {
namespace {

std::string in_quotes_of_none(std::string const& schema, std::string const& name) { return schema.empty() ? name : schema + "." + name; }

}  // namespace

std::string Outside::text() const {
    if (name.empty()) return kind;
    auto const about = in_quotes_of_none(schema, name);
    return label.empty() ? kind + " " + about : fmt::format("{} '{}' of {}", kind, label, about);
}

bool is_marked(Script const& script) {
    auto const told = directives(script);
    return told && told.value().no_transaction;
}

std::optional<Outside> outside_in(Dialect const& dialect, Statement const& statement, bool marked) {
    auto what = dialect.outside(statement);
    return what || !marked ? what : dialect.may_commit(statement);
}

std::vector<ScriptPart> script_parts(Dialect const& dialect, std::vector<Statement> const& statements, bool marked) {
    auto const early = dialect.hoisted(statements);
    std::vector<ScriptPart> parts;
    for (auto const& [at, what] : early)
        parts.push_back({.outside = what,
                         .statements = {statements[at]},
                         .settings = {},
                         .first = static_cast<int>(at) + 1,
                         .last = static_cast<int>(at) + 1});
    std::vector<Statement> settings;
    ScriptPart group;
    bool only_settings = true;
    auto const end_group = [&] {
        if (!only_settings) parts.push_back(std::move(group));
        group = ScriptPart{.settings = settings};
        only_settings = true;
    };
    for (std::size_t at = 0; at < statements.size(); ++at) {
        if (early.contains(at)) continue;
        auto const number = static_cast<int>(at) + 1;
        if (auto what = outside_in(dialect, statements[at], marked)) {
            end_group();
            parts.push_back(
                {.outside = std::move(what), .statements = {statements[at]}, .settings = settings, .first = number, .last = number});
            continue;
        }
        bool const sets = dialect.sets_session(statements[at]);
        if (sets) settings.push_back(statements[at]);
        only_settings = only_settings && sets;
        if (group.first == 0) group.first = number;
        group.last = number;
        group.statements.push_back(statements[at]);
    }
    parts.push_back(std::move(group));  // with or without statements: this is where the step ends
    parts.back().closing = true;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        parts[i].number = static_cast<int>(i) + 1;
        if (!parts[i].outside) parts[i].statements.insert(parts[i].statements.begin(), parts[i].settings.begin(), parts[i].settings.end());
    }
    return parts;
}

std::string text_of(ScriptPart const& part) {
    if (part.outside) return fmt::format("statement {}, outside a transaction: {}", part.first, part.outside->text());
    if (part.first == 0) return "the ledger's entry, in a transaction";
    auto const which =
        part.first == part.last ? fmt::format("statement {}", part.first) : fmt::format("statements {} to {}", part.first, part.last);
    return which + (part.closing ? ", in a transaction with the ledger's entry" : ", in a transaction");
}

std::set<ObjectId> scope_of(Outside const& outside, Catalog const& catalog) {
    std::set<ObjectId> scope;
    if (outside.whole_table) scope = objects_of(catalog, {{outside.schema, outside.name}});
    if (!outside.target.kind.empty() && catalog.contains(outside.target)) scope.insert(outside.target);
    for (bool more = true; std::exchange(more, false);)
        for (auto const& [id, object] : catalog)
            if (!object.holds_rows && !scope.contains(id) &&
                std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) {
                    return scope.contains(need) && (need == outside.target || catalog.at(need).section == Section::after_data);
                })) {
                scope.insert(id);
                more = true;
            }
    return scope;
}

Script const* script_of(PlannedStep const& step) {
    if (step.direction == Direction::up) return step.up ? &*step.up : nullptr;
    return step.origin != Origin::derived && step.down ? &*step.down : nullptr;
}

bool runs_in_parts(Dialect const& dialect, PlannedStep const& step) {
    if (step.unfinished != 0) return true;
    auto const* script = script_of(step);
    auto const statements = script ? dialect.split(*script) : Result<std::vector<Statement>>{std::vector<Statement>{}};
    return statements && !statements.value().empty() && script_parts(dialect, statements.value(), is_marked(*script)).size() > 1;
}

}  // namespace undrop

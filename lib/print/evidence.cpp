#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include <undrop/rehearse.hpp>

#include "print/text.hpp"

namespace undrop {
namespace {

std::string indented(std::string_view text, std::string_view by) {
    std::string out;
    while (!text.empty()) {
        auto const end = text.find('\n');
        out += fmt::format("{}{}\n", by, text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

std::string where(Rehearsed const& r) {
    auto const at = print::place(r.where);
    return r.statement.empty() ? at : fmt::format("{}: {}", at, r.statement);
}

std::string more(Rehearsed const& r) {
    auto const shown = static_cast<std::int64_t>(r.rows.size());
    return r.rows_differing > shown ? fmt::format("the first {} of {} rows", shown, print::thousands(r.rows_differing)) : std::string();
}

std::string failure_text(Rehearsed const& r) {
    print::Details details;
    details.add_lines("step", {r.step});
    details.add_lines("why", {r.reason});
    if (!r.native.empty()) details.add_lines("says", {r.native});
    if (auto const at = where(r); !at.empty()) details.add_lines("at", {at});
    std::vector<std::string> rows;
    for (auto const& row : r.rows) rows.push_back(row.text());
    if (auto const rest = more(r); !rest.empty()) rows.push_back(rest);
    if (!rows.empty()) details.add_lines("rows", rows);
    auto out = details.text();
    for (auto const& object : r.objects) {
        print::Details one;
        one.add_lines("schema", {object.object});
        out += one.text() + indented(object.text(), "            ");
    }
    print::Details again;
    again.add_lines("again", {r.reproduce});
    return out + again.text();
}

std::string migration_text(Rehearsed const& r) {
    if (r.came_back) return fmt::format("{} {}: came back exactly ({})\n", r.version, r.name, print::seconds(r.seconds));
    if (!r.irreversible.empty()) return fmt::format("{} {}: irreversible, as its author says: {}\n", r.version, r.name, r.irreversible);
    return fmt::format("{} {}: DID NOT COME BACK\n{}", r.version, r.name, failure_text(r));
}

std::string headline(Evidence const& e) {
    return fmt::format("Rehearsal {} for {}", e.data.mode == DataMode::full ? "on a copy of the target," : "on an empty database,",
                       e.target);
}

std::string summary(Evidence const& e) {
    if (e.migrations.empty() && e.not_reached.empty()) return "Nothing to rehearse.\n";
    auto const good = std::count_if(e.migrations.begin(), e.migrations.end(), [](Rehearsed const& r) { return r.came_back; });
    auto const meant = std::count_if(e.migrations.begin(), e.migrations.end(), [](Rehearsed const& r) { return !r.irreversible.empty(); });
    auto const bad = static_cast<std::ptrdiff_t>(e.migrations.size()) - good - meant;
    std::string out;
    if (!e.not_reached.empty()) out += fmt::format("The walk ended there; not reached: {}.\n", print::joined(e.not_reached));
    out += fmt::format("{} came back exactly", print::counted(good, "migration", "migrations"));
    if (meant > 0) out += fmt::format(", {} irreversible", meant);
    if (bad > 0) out += fmt::format(", {} did not", bad);
    if (e.only_applied > 0) out += fmt::format("; {} before them only applied", e.only_applied);
    return fmt::format("{}. {}.\n", out, print::seconds(e.seconds));
}

std::string migration_markdown(Rehearsed const& r) {
    auto out = fmt::format("## {} {}\n\n", r.version, print::escaped(r.name));
    if (r.came_back) return out + fmt::format("Came back exactly. {}.\n\n", print::seconds(r.seconds));
    if (!r.irreversible.empty()) return out + fmt::format("Irreversible, as its author says: {}\n\n", print::escaped(r.irreversible));
    out += fmt::format("**Did not come back**, {}: {}\n\n", r.step, print::escaped(r.reason));
    if (!r.native.empty()) out += fmt::format("The database says: {}\n\n", print::code(r.native));
    if (auto const at = where(r); !at.empty()) out += fmt::format("At {}\n\n", print::code(at));
    std::vector<std::string> rows;
    for (auto const& row : r.rows) rows.push_back(row.text());
    if (auto const rest = more(r); !rest.empty()) rows.push_back(rest);
    print::bullets(out, "Rows", rows);
    for (auto const& object : r.objects) out += fmt::format("{}:\n{}", print::code(object.object), print::fenced(object.text(), "diff"));
    return out + fmt::format("Again: {}\n\n", print::code(r.reproduce));
}

}  // namespace

char const* name_of(DataMode mode) {
    switch (mode) {
        case DataMode::migrations:
            return "migrations";
        case DataMode::schema:
            return "schema";
        case DataMode::synthetic:
            return "synthetic";
        case DataMode::sample:
            return "sample";
        case DataMode::full:
            return "full";
    }
    return "";
}

char const* name_of(Grade grade) {
    switch (grade) {
        case Grade::exact:
            return "exact";
        case Grade::exact_with_snapshot:
            return "exact with snapshot";
        case Grade::lossy:
            return "lossy";
        case Grade::irreversible:
            return "irreversible";
        case Grade::down_broken:
            return "down broken";
        case Grade::up_broken:
            return "up broken";
    }
    return "";
}

std::string RowDifference::text() const {
    auto const row = key.empty() ? table : fmt::format("{} {}", table, key);
    switch (kind) {
        case Kind::gone:
            return hidden ? row + ": the row is gone" : fmt::format("{}: {} -> no row", row, before);
        case Kind::added:
            return hidden ? row + ": the row is new" : fmt::format("{}: no row -> {}", row, after);
        case Kind::changed:
            break;
    }
    return hidden ? fmt::format("{} {}: another value", row, column) : fmt::format("{} {}: {} -> {}", row, column, before, after);
}

std::ostream& operator<<(std::ostream& out, Evidence const& evidence) {
    auto text = headline(evidence) + "\n";
    for (auto const& migration : evidence.migrations) text += migration_text(migration);
    for (auto const& note : evidence.notes) text += fmt::format("note: {}\n", note);
    text += summary(evidence) + (evidence.exact() ? "GO\n" : "NO-GO\n");
    return out << print::printable(text);
}

std::string to_markdown(Evidence const& evidence) {
    auto out = fmt::format("# Rehearsal\n\n{}. **{}**: {}\n", print::escaped(headline(evidence)), evidence.exact() ? "GO" : "NO-GO",
                           print::escaped(summary(evidence)));
    for (auto const& migration : evidence.migrations) out += migration_markdown(migration);
    print::bullets(out, "Notes", evidence.notes);
    return out;
}

}  // namespace undrop

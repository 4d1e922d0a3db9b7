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
    if (!r.derived.empty()) details.add_lines("derived", {r.derived});
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

std::string grade_text(Rehearsed const& r) {
    return fmt::format("{}{}", name_of(r.grade), r.not_exercised.empty() ? "" : ", not exercised");
}

bool went_up(Rehearsed const& r) { return r.grade != Grade::up_broken || r.step != "up"; }
bool went_down(Rehearsed const& r) { return r.down.seconds > 0; }

// What is to say beside the table's line. `costs`: what it took says something of the target.
std::string migration_text(Rehearsed const& r, bool costs) {
    print::Details more;
    if (costs && went_up(r)) more.add_lines("up", {print::cost(r.up)});
    if (costs && went_down(r)) more.add_lines("down", {print::cost(r.down)});
    more.add_lines("note", r.notes);
    auto const text = (r.reason.empty() ? std::string() : failure_text(r)) + more.text();
    return text.empty() ? text : fmt::format("{} {}: {}\n{}", r.version, r.name, grade_text(r), text);
}

std::string why(Rehearsed const& r) {
    if (!r.irreversible.empty()) return "as its author says: " + r.irreversible;
    return r.reason.empty() ? r.because : std::string();
}

std::string table(Evidence const& e) {
    if (e.migrations.empty()) return {};
    std::vector<std::vector<std::string>> lines{{"VERSION", "NAME", "GRADE", "TIME", "WHY"}};
    for (auto const& r : e.migrations) lines.push_back({r.version, r.name, grade_text(r), print::seconds(r.seconds), why(r)});
    return print::table(lines);
}

char const* on_what(DataMode mode) {
    switch (mode) {
        case DataMode::migrations:
            return "on an empty database";
        case DataMode::schema:
            return "on the target's schema, without rows";
        case DataMode::synthetic:
            return "on the target's schema with made rows";
        case DataMode::sample:
            return "on a sample of the target's rows";
        case DataMode::full:
            return "on a copy of the target";
    }
    return "";
}

std::string headline(Evidence const& e) {
    auto const witness = e.witness.empty() ? std::string{} : fmt::format("; schemas compared by {}, too", e.witness);
    return fmt::format("Rehearsal {}, for {}{}", on_what(e.data.mode), e.target, witness);
}

std::string summary(Evidence const& e) {
    if (e.migrations.empty() && e.not_reached.empty()) return "Nothing to rehearse.\n";
    std::string out;
    if (!e.not_reached.empty()) out += fmt::format("The walk ended there; not reached: {}.\n", print::joined(e.not_reached));
    std::vector<std::string> counts;
    for (auto const grade :
         {Grade::exact, Grade::exact_with_snapshot, Grade::lossy, Grade::irreversible, Grade::down_broken, Grade::up_broken}) {
        auto const count = std::count_if(e.migrations.begin(), e.migrations.end(), [&](Rehearsed const& r) { return r.grade == grade; });
        if (count > 0) counts.push_back(fmt::format("{} {}", count, name_of(grade)));
    }
    auto const idle = std::count_if(e.migrations.begin(), e.migrations.end(), [](Rehearsed const& r) { return !r.not_exercised.empty(); });
    if (idle > 0) counts.push_back(fmt::format("{} of them not exercised", idle));
    auto const refused = std::count_if(e.migrations.begin(), e.migrations.end(), [](Rehearsed const& r) { return r.refused_in_use; });
    if (refused > 0) counts.push_back(fmt::format("{} of them refused to go back once an application had written", refused));
    out += fmt::format("{}: {}", print::counted(static_cast<std::int64_t>(e.migrations.size()), "migration", "migrations"),
                       print::joined(counts));
    if (e.only_applied > 0) out += fmt::format("; {} before them only applied", e.only_applied);
    return fmt::format("{}. {}.\n", out, print::seconds(e.seconds));
}

std::string table_markdown(Evidence const& e) {
    if (e.migrations.empty()) return {};
    std::string out = "| version | name | grade | time | why |\n|---|---|---|---|---|\n";
    for (auto const& r : e.migrations)
        out += fmt::format("| {} | {} | {}{} | {} | {} |\n", print::escaped(r.version), print::escaped(r.name),
                           e.good(r) ? "" : "**NO-GO** ", grade_text(r), print::seconds(r.seconds), print::escaped(why(r)));
    return out + "\n";
}

std::string migration_markdown(Rehearsed const& r) {
    auto out = fmt::format("## {} {}: {}\n\n", r.version, print::escaped(r.name), grade_text(r));
    if (!r.irreversible.empty()) out += fmt::format("Irreversible, as its author says: {}\n\n", print::escaped(r.irreversible));
    if (!r.reason.empty()) {
        out += fmt::format("**Did not come back**, {}: {}\n\n", r.step, print::escaped(r.reason));
        if (!r.native.empty()) out += fmt::format("The database says: {}\n\n", print::code(r.native));
        if (auto const at = where(r); !at.empty()) out += fmt::format("At {}\n\n", print::code(at));
        if (!r.derived.empty()) out += fmt::format("The derived way back: {}\n\n", print::escaped(r.derived));
        std::vector<std::string> rows;
        for (auto const& row : r.rows) rows.push_back(row.text());
        if (auto const rest = more(r); !rest.empty()) rows.push_back(rest);
        print::bullets(out, "Rows", rows);
        for (auto const& object : r.objects)
            out += fmt::format("{}:\n{}", print::code(object.object), print::fenced(object.text(), "diff"));
        out += fmt::format("Again: {}\n\n", print::code(r.reproduce));
    } else if (!r.because.empty()) {
        out += fmt::format("Came back: {}\n\n", print::escaped(r.because));
    }
    std::vector<std::string> costs;
    if (went_up(r)) costs.push_back("up " + print::cost(r.up));
    if (went_down(r)) costs.push_back("down " + print::cost(r.down));
    print::bullets(out, "Took", costs);
    print::bullets(out, "Not exercised, since no row could be made of them", r.not_exercised);
    print::bullets(out, "Notes", r.notes);
    return out;
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
    auto text = headline(evidence) + "\n" + table(evidence);
    for (auto const& migration : evidence.migrations) text += migration_text(migration, evidence.data.mode >= DataMode::synthetic);
    for (auto const& note : evidence.notes) text += fmt::format("note: {}\n", note);
    text += summary(evidence) + (evidence.good() ? "GO\n" : "NO-GO\n");
    return out << print::printable(text);
}

std::string to_markdown(Evidence const& evidence) {
    auto out = fmt::format("# Rehearsal\n\n{}. **{}**: {}\n", print::escaped(headline(evidence)), evidence.good() ? "GO" : "NO-GO",
                           print::escaped(summary(evidence)));
    out += "\n" + table_markdown(evidence);
    for (auto const& migration : evidence.migrations) out += migration_markdown(migration);
    print::bullets(out, "Notes", evidence.notes);
    return out;
}

}  // namespace undrop

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include <undrop/history.hpp>

#include "print/text.hpp"

namespace undrop {
namespace {

std::vector<std::string> row_of(AppliedMigration const& m) {
    std::vector<std::string> marks;
    if (m.ahead) marks.emplace_back(m.harms.empty() ? "newer than what is here" : "newer than what is here, not harmless");
    if (m.missing && !m.ahead) marks.emplace_back("file missing");
    if (m.edited_up) marks.emplace_back("up edited");
    if (m.edited_down) marks.emplace_back("down edited");
    if (m.purged > 0) marks.push_back(print::counted(m.purged, "snapshot purged", "snapshots purged"));
    if (!m.irreversible.empty())
        marks.emplace_back("irreversible");
    else if (!m.has_down)
        marks.emplace_back("no down script");
    return {m.version, m.name, "applied", std::to_string(m.run), print::to_the_second(m.at), m.label, print::joined(marks)};
}

std::vector<std::string> row_of(PendingMigration const& m) {
    std::vector<std::string> marks;
    if (m.out_of_order) marks.emplace_back("out of order");
    if (m.was_reverted) marks.emplace_back("was taken back");
    return {m.version, m.name, "pending", "", "", "", print::joined(marks)};
}

std::string count_text(Status const& status) {
    auto const applied = static_cast<std::int64_t>(status.applied.size());
    auto const pending = static_cast<std::int64_t>(status.pending.size());
    auto text = fmt::format("{} applied, {} pending", print::thousands(applied), print::thousands(pending));
    if (status.snapshots == 0) return text + ".\n";
    auto const oldest = status.oldest_snapshot.empty() ? "" : ", oldest of " + print::to_the_second(status.oldest_snapshot);
    return text + fmt::format("; {}, {}{}.\n", print::counted(status.snapshots, "snapshot", "snapshots"),
                              print::bytes(status.snapshot_bytes), oldest);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Status const& status) {
    using Row = std::vector<std::string>;
    std::vector<Row> rows;
    for (auto const& m : status.applied) rows.push_back(row_of(m));
    for (auto const& m : status.pending) rows.push_back(row_of(m));
    std::stable_sort(rows.begin(), rows.end(), [](Row const& a, Row const& b) { return version_less(a[0], b[0]); });
    rows.insert(rows.begin(), {"VERSION", "NAME", "STATE", "RUN", "AT", "LABEL", ""});
    auto const source =
        status.format.empty() || status.format == "pairs" ? "" : fmt::format("{}: {} files\n", status.origin, status.format);
    auto text = status.target + "\n" + source + (rows.size() > 1 ? print::table(rows) : std::string());
    if (auto const& step = status.in_progress) {
        text += fmt::format(
            "In progress: {} {} {}, {}\n  run {} began it at {}; if it is not running any more, the next `undrop up` or `undrop down`\n"
            "  goes on with it or takes it back by itself.\n",
            name_of(step->direction), step->version, step->name, step->standing, step->run, print::to_the_second(step->at));
    }
    if (!status.has_ledger) text += "No migration was ever applied here: there is no ledger.\n";
    for (auto const& m : status.applied)
        if (!m.irreversible.empty()) text += fmt::format("{} {} is irreversible: {}\n", m.version, m.name, m.irreversible);
    for (auto const& m : status.applied)
        for (auto const& harm : m.harms) text += fmt::format("{} {}: {}\n", m.version, m.name, harm);
    if (!status.ahead.empty()) text += "The database is ahead: " + status.ahead + ".\n";
    text += print::findings(status.findings);
    return out << print::printable(text + count_text(status));
}

}  // namespace undrop

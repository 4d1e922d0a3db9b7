// JSON of what the ledger tells.
#include <undrop/history.hpp>

#include "json.hpp"

namespace undrop {
namespace {

Json applied_json(AppliedMigration const& m) {
    return {{"version", m.version},
            {"name", m.name},
            {"run", m.run},
            {"at", m.at},
            {"label", m.label},
            {"has_down", m.has_down},
            {"edited_up", m.edited_up},
            {"edited_down", m.edited_down},
            {"missing", m.missing},
            {"ahead", m.ahead},
            {"harms", m.harms},
            {"purged_snapshots", m.purged},
            {"irreversible", m.irreversible}};
}

Json pending_json(PendingMigration const& m) {
    return {{"version", m.version}, {"name", m.name}, {"out_of_order", m.out_of_order}, {"was_reverted", m.was_reverted}};
}

Json log_entry_json(LogEntry const& entry) {
    auto const detail = Json::parse(entry.detail, nullptr, false);
    return {{"id", entry.id},
            {"run", entry.run},
            {"event", entry.kind},
            {"version", entry.version},
            {"name", entry.name},
            {"at", entry.at},
            {"seconds", entry.seconds},
            {"role", entry.role},
            {"user", entry.user},
            {"host", entry.host},
            {"program", entry.program},
            {"label", entry.label},
            {"detail", detail.is_discarded() ? Json(entry.detail) : detail}};
}

}  // namespace

std::string to_json(Status const& status) {
    auto json = document("status");
    json["target"] = status.target;
    json["source"] = {{"origin", status.origin}, {"format", status.format}};
    json["clean"] = status.clean();
    json["has_ledger"] = status.has_ledger;
    if (auto const& step = status.in_progress) {
        json["in_progress"] = {{"version", step->version}, {"name", step->name}, {"direction", name_of(step->direction)},
                               {"run", step->run},         {"at", step->at},     {"standing", step->standing}};
    }
    json["applied"] = list(status.applied, applied_json);
    json["pending"] = list(status.pending, pending_json);
    json["snapshots"] = status.snapshots;
    json["snapshot_bytes"] = status.snapshot_bytes;
    json["oldest_snapshot"] = status.oldest_snapshot.empty() ? Json(nullptr) : Json(status.oldest_snapshot);
    json["ahead"] = status.ahead;
    json["findings"] = list(status.findings, finding_json);
    return dumped(json);
}

std::string to_json(std::vector<LogEntry> const& log) {
    auto json = document("log");
    json["entries"] = list(log, log_entry_json);
    return dumped(json);
}

}  // namespace undrop

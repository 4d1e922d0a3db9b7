// JSON of what the verbs about snapshots give out. Every document has a `format` number and a `kind`.
#include <undrop/snapshots.hpp>

#include "json.hpp"

namespace undrop {
namespace {

Json snapshot_json(SnapshotInfo const& info) {
    return {{"id", info.id},
            {"step", info.step},
            {"version", info.version},
            {"direction", name_of(info.direction)},
            {"what", info.what},
            {"of", info.kind},
            {"store", info.store},
            {"rows", info.rows},
            {"bytes", info.bytes},
            {"hash", info.hash},
            {"at", info.at},
            {"purged", info.purged},
            {"needed_by", info.needed_by}};
}

}  // namespace

std::string to_json(std::vector<SnapshotInfo> const& snapshots) {
    auto json = document("snapshots");
    json["snapshots"] = list(snapshots, snapshot_json);
    return dumped(json);
}

std::string to_json(SnapshotRows const& rows) {
    auto json = document("snapshot_rows");
    json["snapshot"] = snapshot_json(rows.info);
    json["columns"] = rows.columns;
    json["rows"] =
        list(rows.rows, [](auto const& row) { return list(row, [](auto const& cell) { return cell ? Json(*cell) : Json(nullptr); }); });
    return dumped(json);
}

std::string to_json(Conflicts const& conflicts) {
    auto json = document("snapshot_conflicts");
    json["snapshot"] = snapshot_json(conflicts.info);
    json["total"] = conflicts.total;
    json["columns"] = conflicts.columns;
    json["rows"] = list(conflicts.rows, [](Conflicts::Row const& row) {
        auto const values = list(row.values, [](auto const& cell) { return cell ? Json(*cell) : Json(nullptr); });
        return Json{{"why", row.why}, {"column", row.column.empty() ? Json(nullptr) : Json(row.column)}, {"values", values}};
    });
    return dumped(json);
}

std::string to_json(Verification const& verification) {
    auto json = document("snapshot_verification");
    json["target"] = verification.target;
    json["holds"] = verification.holds();
    json["snapshots"] = list(verification.snapshots, [](VerifiedSnapshot const& one) {
        auto snapshot = snapshot_json(one.info);
        snapshot["fault"] = one.fault.empty() ? Json(nullptr) : Json(one.fault);
        return snapshot;
    });
    return dumped(json);
}

std::string to_json(Purge const& purge) {
    auto json = document("snapshot_purge");
    json["target"] = purge.target;
    json["snapshots"] = list(purge.snapshots, snapshot_json);
    json["kept"] = list(purge.kept, [](KeptSnapshot const& one) {
        auto snapshot = snapshot_json(one.info);
        snapshot["why"] = one.why;
        return snapshot;
    });
    json["irreversible"] = purge.irreversible;
    return dumped(json);
}

std::string to_json(Erased const& erased) {
    auto json = document("snapshot_erasure");
    json["target"] = erased.target;
    json["rows"] = erased.rows;
    json["digests"] = erased.digests;
    json["snapshots"] = list(erased.snapshots, [](Erased::From const& from) {
        return Json{{"id", from.id}, {"what", from.what}, {"rows", from.rows}};
    });
    json["not_searched"] = erased.not_searched;
    return dumped(json);
}

std::string to_json(Exported const& exported) {
    auto json = document("snapshot_export");
    json["target"] = exported.target;
    json["rows"] = exported.rows;
    json["bytes"] = exported.bytes;
    json["sha256"] = exported.sha256;
    json["snapshots"] = list(exported.snapshots, snapshot_json);
    return dumped(json);
}

std::string to_json(Imported const& imported) {
    auto json = document("snapshot_import");
    json["target"] = imported.target;
    json["snapshots"] = list(imported.snapshots, snapshot_json);
    json["there"] = list(imported.there, snapshot_json);
    return dumped(json);
}

}  // namespace undrop

// Export and import: snapshots as a stream that is kept elsewhere.
#include <undrop/snapshots.hpp>

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "apply.hpp"
#include "archive.hpp"
#include "aside.hpp"
#include "fault.hpp"
#include "ledger.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "snapshots.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Json = nlohmann::ordered_json;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr int format = 2;  // 1 knew nothing of what was kept aside
constexpr char const* kind = "undrop snapshots";

std::string dumped(Json const& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Rows go by in millions: asked now and then whether the caller still wants them.
class Interrupted {
public:
    explicit Interrupted(Options const& options) : options_(options) {}

    Result<void> asked() {
        if (++rows_ % 1024 != 1 || !options_.cancelled || !options_.cancelled()) return success();
        return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
    }

private:
    Options const& options_;
    std::int64_t rows_ = 0;
};

// What the step is known by in any copy of its ledger.
Json event_json(SnapshotInfo const& info) {
    return {{"id", info.step}, {"version", info.version}, {"direction", name_of(info.direction)}, {"at", info.at}};
}

// What of the snapshot was not put back, and why: as many rows as are announced, in the same transaction.
Result<void> write_aside(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, ArchiveWriter& out, Interrupted& interrupted) {
    Aside aside(backend, ledger, snapshot);
    UNDROP_TRY(bool const there, aside.is_there());
    if (!there) return success();
    UNDROP_TRY(auto const count, backend.rows("select count(*) from " + aside.table()));
    UNDROP_CHECK(out.line(dumped({{"aside", snapshot.id}, {"rows", number_of(count.at(0).at(0))}, {"columns", aside.columns()}})));
    return backend.read_rows(aside.table(), aside.columns(), [&](std::string_view line) -> Result<void> {
        UNDROP_CHECK(interrupted.asked());
        return out.line(line);
    });
}

Result<void> write_snapshot(Backend& backend, Ledger const& ledger, SnapshotInfo const& info, Snapshot const& snapshot, ArchiveWriter& out,
                            std::int64_t& rows, Options const& options) {
    auto const store = ledger.table(snapshot.store);
    UNDROP_TRY(auto const there, backend.columns_of(store));
    auto columns = Json::array();
    for (auto const& name : snapshot.columns()) {
        auto const found = std::find_if(there.begin(), there.end(), [&](StoreColumn const& c) { return c.name == name; });
        columns.push_back({{"name", name}, {"type", found == there.end() ? "" : found->type}});
    }
    UNDROP_CHECK(out.line(dumped({{"snapshot", info.id},
                                  {"step", event_json(info)},
                                  {"what", info.what},
                                  {"of", info.kind},
                                  {"rows", info.rows},
                                  {"hash", info.hash},
                                  {"columns", columns},
                                  {"manifest", to_manifest(snapshot)}})));
    Interrupted interrupted(options);
    UNDROP_CHECK(backend.read_rows(store, snapshot.columns(), [&](std::string_view line) -> Result<void> {
        UNDROP_CHECK(interrupted.asked());
        ++rows;
        return out.line(line);
    }));
    return write_aside(backend, ledger, snapshot, out, interrupted);
}

// The snapshots that are to be written, each verified: what is not whole is not carried on.
Result<std::vector<std::pair<SnapshotInfo, Snapshot>>> whole_ones(Backend& backend, Ledger& ledger, std::vector<SnapshotInfo> const& asked,
                                                                  bool by_name) {
    std::vector<std::pair<SnapshotInfo, Snapshot>> whole;
    for (auto const& info : asked) {
        UNDROP_TRY(auto snapshot, manifest_of(ledger, info));
        if (snapshot.kind == Snapshot::Kind::aside && by_name)
            return Error{
                .code = Code::refused,
                .left = Left::untouched,
                .message =
                    fmt::format("{} is kept aside in its own table, as {}: nothing is exported", name_of(snapshot), snapshot.position),
                .next = {.command = "snapshots export FILE ID ...", .advice = "names others; a dump of the database has this one"}};
        if (snapshot.kind == Snapshot::Kind::aside) continue;
        if (snapshot.kind == Snapshot::Kind::sequence || (snapshot.purged() && !by_name)) continue;
        UNDROP_TRY(auto const fault, fault_of(backend, ledger, snapshot, Depth::rows));
        if (!fault.empty())
            return Error{.code = Code::refused,
                         .left = Left::untouched,
                         .message = fmt::format("{} {}: nothing is exported", name_of(snapshot), fault),
                         .next = {.command = "snapshots export FILE ID ...", .advice = "names those that are well"}};
        whole.emplace_back(info, std::move(snapshot));
    }
    return whole;
}

struct Announced {
    std::int64_t id = 0;
    std::int64_t rows = 0;
    std::string version;
    std::string direction;
    std::string at;
    std::string what;
    std::string of;
    std::string hash;
    std::vector<StoreColumn> columns;
};

Announced announced_in(Json const& json) {
    Announced a{.id = json.at("snapshot"), .rows = json.at("rows")};
    a.version = json.at("step").at("version");
    a.direction = json.at("step").at("direction");
    a.at = json.at("step").at("at");
    a.what = json.at("what");
    a.of = json.at("of");
    a.hash = json.at("hash");
    for (auto const& column : json.at("columns")) a.columns.push_back({column.at("name"), column.at("type")});
    return a;
}

class Importer {
public:
    Importer(Backend& backend, Ledger& ledger, ArchiveReader& in, Options const& options)
        : backend_(backend), ledger_(ledger), in_(in), interrupted_(options) {}

    // In the caller's transaction; the header is read.
    Result<Imported> import() {
        UNDROP_TRY(known_, ledger_.list_snapshots());
        while (true) {
            UNDROP_TRY(auto const line, in_.line());
            if (!line) return damaged("its last line is missing");
            auto const json = Json::parse(*line, nullptr, false);
            if (!json.is_object()) return damaged("a line is not what its place asks for");
            if (json.contains("sha256")) return ended(json);
            if (json.contains("aside")) {
                UNDROP_CHECK(take_aside(json));
                continue;
            }
            Announced announced;
            try {
                announced = announced_in(json);
            } catch (Json::exception const&) {
                return damaged("a snapshot's line cannot be read");
            }
            UNDROP_CHECK(take(announced));
        }
    }

private:
    Result<Imported> ended(Json const& json) {
        if (!json["sha256"].is_string() || json["sha256"] != in_.sha256()) return damaged("its SHA-256 is another than its last line says");
        UNDROP_TRY(auto const after, in_.line());
        if (after) return damaged("something comes after its last line");
        return std::move(done_);
    }

    [[nodiscard]] static Error foreign(Announced const& a) {
        return Error{
            .code = Code::refused,
            .left = Left::untouched,
            .message = fmt::format("snapshot {} of this export is of another database: the ledger here has no step {} {} of {} that "
                                   "saved {}",
                                   a.id, a.direction, a.version, a.at, a.what),
            .next = {.command = "log", .advice = "it lists the steps that this database knows"}};
    }

    Result<void> take(Announced const& a) {
        auto const info = std::find_if(known_.begin(), known_.end(), [&](SnapshotInfo const& s) {
            return s.id == a.id && s.version == a.version && name_of(s.direction) == a.direction && s.at == a.at && s.what == a.what &&
                   s.kind == a.of;
        });
        if (info == known_.end()) return foreign(a);
        if (info->hash != a.hash || info->rows != a.rows)
            return Error{.code = Code::refused,
                         .left = Left::untouched,
                         .message = fmt::format("snapshot {} of {} is not the one of this export any more: rows were erased from it since",
                                                a.id, a.what),
                         .next = {.command = "log", .advice = "it says when; what was erased does not come back by an older export"}};
        UNDROP_TRY(auto snapshot, manifest_of(ledger_, *info));
        UNDROP_TRY(auto const fault, fault_of(backend_, ledger_, snapshot, Depth::rows));
        is_filled_ = !fault.empty();
        if (!is_filled_) {
            done_.there.push_back(*info);
            last_ = std::move(snapshot);
            return pass_over(a.rows);
        }
        UNDROP_CHECK(fill(a, snapshot));
        done_.snapshots.push_back(*info);
        last_ = std::move(snapshot);
        return success();
    }

    // Of the snapshot before it. What is there and well keeps what was kept aside of it since.
    Result<void> take_aside(Json const& json) {
        std::int64_t rows = 0;
        std::vector<std::string> columns;
        try {
            rows = json.at("rows");
            columns = json.at("columns").get<std::vector<std::string>>();
            if (!last_ || last_->id != json.at("aside").get<std::int64_t>())
                return damaged("what was kept aside is of no snapshot before it");
        } catch (Json::exception const&) {
            return damaged("a line about what was kept aside cannot be read");
        }
        Aside aside(backend_, ledger_, *last_);
        if (columns != aside.columns()) return damaged(fmt::format("what was kept aside of {} has other columns", name_of(*last_)));
        if (!is_filled_) return pass_over(rows);
        UNDROP_CHECK(aside.drop());
        UNDROP_CHECK(aside.make(without_id(last_->table)));
        UNDROP_CHECK(write(rows, aside.table(), columns, *last_));
        // Nothing of it is shown but with a row of the snapshot.
        UNDROP_TRY(auto const strays,
                   backend_.rows(fmt::format("select 1 from {} as a where not exists (select 1 from {} as s where {}) limit 1",
                                             aside.table(), ledger_.table(last_->store), aside.is_row("a"))));
        if (!strays.empty()) return damaged(fmt::format("what was kept aside of {} is of rows that it does not have", name_of(*last_)));
        last_.reset();
        return success();
    }

    // An id of another database's would name another table: no source counts as one with row security (P8).
    static Table without_id(Table source) {
        source.id = "0";
        return source;
    }

    // So many lines as rows of a table of the store.
    Result<void> write(std::int64_t rows, std::string const& store, std::vector<std::string> const& columns, Snapshot const& snapshot) {
        auto const written = backend_.write_rows(store, columns, [&]() -> Result<std::optional<std::string_view>> {
            if (rows <= 0) return std::optional<std::string_view>{};
            UNDROP_CHECK(interrupted_.asked());
            --rows;
            UNDROP_TRY(auto line, in_.line());
            if (!line) return damaged("rows are missing");
            return line;
        });
        if (!written && written.error().code == Code::refused && written.error().next.command.empty())
            return damaged(fmt::format("{}: {}", name_of(snapshot), written.error().message));
        if (!written) return written.error();
        return success();
    }

    Result<void> pass_over(std::int64_t rows) {
        for (; rows > 0; --rows) {
            UNDROP_TRY(auto const line, in_.line());
            if (!line) return damaged("rows are missing");
        }
        return success();
    }

    // Names and types come from a file: nothing of it becomes SQL that is not one of ours.
    Result<void> columns_are_ours(Announced const& a, Snapshot const& snapshot) {
        auto const wanted = snapshot.columns();
        auto const fits = std::equal(wanted.begin(), wanted.end(), a.columns.begin(), a.columns.end(),
                                     [](std::string const& name, StoreColumn const& column) { return column.name == name; });
        if (!fits) return damaged(fmt::format("snapshot {} has other columns than the ledger says", a.id));
        for (auto const& column : a.columns) {
            UNDROP_TRY(bool const fine, backend_.is_stored_type(column.type));
            if (!fine) return damaged(fmt::format("snapshot {} has a type that no store has", a.id));
        }
        return success();
    }

    Result<void> fill(Announced const& a, Snapshot& snapshot) {
        UNDROP_CHECK(columns_are_ours(a, snapshot));
        snapshot.store = names::snapshot_prefix + std::to_string(snapshot.id);
        StoreTable table(ledger_.table(snapshot.store));
        UNDROP_TRY(auto const there, backend_.columns_of(table.name()));
        if (!there.empty()) UNDROP_CHECK(backend_.run("drop table " + table.name()));
        for (auto const& column : a.columns) {
            if (column.name.starts_with('k') || column.name == "n")
                table.add_key(column.name, column.type, "");
            else
                table.add(column.name, column.type, "");
        }
        UNDROP_CHECK(Aside(backend_, ledger_, snapshot).drop());
        UNDROP_CHECK(table.make(backend_, without_id(snapshot.table)));
        UNDROP_CHECK(write(a.rows, table.name(), table.columns(), snapshot));
        UNDROP_TRY(auto const fault, fault_of(backend_, ledger_, snapshot, Depth::rows));
        if (!fault.empty()) return damaged(fmt::format("{} {}", name_of(snapshot), fault));
        UNDROP_TRY(snapshot.bytes, backend_.bytes_of(table.name()));
        return ledger_.update(snapshot);
    }

    Backend& backend_;
    Ledger& ledger_;
    ArchiveReader& in_;
    Interrupted interrupted_;
    std::vector<SnapshotInfo> known_;
    std::optional<Snapshot> last_;  // whose rows were read last
    bool is_filled_ = false;        // and came back
    Imported done_;
};

Result<void> read_header(ArchiveReader& in, Backend const& backend) {
    UNDROP_TRY(auto const line, in.line());
    auto const json = line ? Json::parse(*line, nullptr, false) : Json();
    if (!json.is_object() || json.value("kind", "") != kind) return damaged("its first line is not that of one");
    if (auto const found = json.value("format", 0); found < 1 || found > format)
        return damaged(fmt::format("it has format {}, and this undrop reads formats up to {}", found, format));
    if (json.value("rows", "") != backend.row_format())
        return damaged(fmt::format("it was written by {}, and this is {}", json.value("rows", ""), backend.row_format()));
    return success();
}

std::string detail_of(Imported const& imported) {
    auto came = nlohmann::json::array();
    for (auto const& s : imported.snapshots) came.push_back({{"id", s.id}, {"what", s.what}, {"rows", s.rows}, {"hash", s.hash}});
    return nlohmann::json{{"imported", came}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<Exported> export_snapshots(Target& target, ByteSink const& sink, std::vector<std::int64_t> const& ids, Options const& options) {
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    UNDROP_TRY(auto const all, snapshots(target, options));
    UNDROP_TRY(auto const asked, chosen(all, ids));
    Exported done{.target = target.description()};
    UNDROP_CHECK(backend.begin_reading());
    auto const written = [&]() -> Result<void> {
        UNDROP_TRY(auto const whole, whole_ones(backend, ledger, asked, !ids.empty()));
        ArchiveWriter out(sink);
        UNDROP_CHECK(out.line(dumped({{"format", format}, {"kind", kind}, {"rows", backend.row_format()}, {"at", utc_now()}})));
        for (auto const& [info, snapshot] : whole) {
            UNDROP_CHECK(write_snapshot(backend, ledger, info, snapshot, out, done.rows, options));
            done.snapshots.push_back(info);
        }
        done.sha256 = out.sha256();
        UNDROP_CHECK(out.last_line(dumped({{"sha256", done.sha256}, {"snapshots", done.snapshots.size()}, {"rows", done.rows}})));
        done.bytes = out.bytes();
        return success();
    }();
    backend.rollback();
    if (!written) return std::move(written).error();
    return done;
}

Result<Imported> import_snapshots(Target& target, ByteSource const& source, Options const& options) {
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    ArchiveReader in(source);
    UNDROP_CHECK(read_header(in, backend));
    Imported imported;
    UNDROP_CHECK(with_run_lock(backend, options, [&]() -> Result<void> {
        UNDROP_TRY(auto const history, ledger.history());
        if (!history.has_ledger) return damaged("this database has no ledger that could know it");
        if (history.unfinished) return not_while_in_progress(*history.unfinished);
        UNDROP_CHECK(ledger.ensure(options));
        UNDROP_CHECK(backend.begin(options, {}));
        auto done = [&]() -> Result<void> {
            UNDROP_TRY(imported, Importer(backend, ledger, in, options).import());
            if (imported.snapshots.empty()) {
                backend.rollback();
                return success();
            }
            UNDROP_CHECK(ledger.add_event("imported", detail_of(imported), options));
            return backend.commit();
        }();
        if (!done) backend.rollback();
        return done;
    }));
    imported.target = target.description();
    return imported;
}

}  // namespace undrop

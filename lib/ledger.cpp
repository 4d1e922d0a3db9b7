#include "ledger.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

#include "digest.hpp"
#include "names.hpp"
#include "object_json.hpp"
#include "try.hpp"

namespace undrop {
namespace {

constexpr char const* check_columns = "event bigint not null, part text not null, script text not null, primary key (event, part)";
constexpr char const* journal_columns =
    "id bigint not null primary key, step bigint not null, part bigint not null, statement bigint not null, state text not null, kind "
    "text, target text, at text not null, detail text";

// Tables that came later than the format: a store that was made before gets them.
constexpr std::array<std::pair<char const*, char const*>, 2> later_tables{
    {{names::check, check_columns}, {names::journal, journal_columns}}};

std::int64_t number(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }
std::string text(Cell const& cell) { return cell.value_or(""); }

// What is kept as JSON was written by undrop; text that cannot be read was changed by somebody else.
template <class Read>
Result<void> readable(std::int64_t step, Read&& read) {
    try {
        read();
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    } catch (std::exception const&) {
        return Error{.code = Code::refused,
                     .left = Left::untouched,
                     .message = fmt::format("what the ledger recorded of step {} cannot be read", step),
                     .next = {.advice = "find out who changed undrop's store"}};
    }
}

// Is nothing else wrong than that somebody was given rights?
bool granted_only(std::string const& why) {
    auto at = why.find(": rights on ");
    for (; at != std::string::npos; at = why.find("; ", at + 2))
        if (why.compare(at + 2, 10, "rights on ") != 0) return false;
    return why.find(": rights on ") != std::string::npos;
}

}  // namespace

Error not_ours(std::string const& why) {
    if (granted_only(why))
        return Error{
            .code = Code::refused,
            .left = Left::untouched,
            .message = "others were given rights on what undrop keeps, and could read there what they may not read in the tables: " + why,
            .next = {.advice = "take them away with REVOKE, as the owner; the tables of the ledger, which hold no rows, may be read "
                               "by whom you like"}};
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = "the ledger's place is taken by something that is not undrop's: " + why,
                 .next = {.advice = "look at who made it; another name for undrop's own is given with --ledger NAME"}};
}

std::string utc_now() {
    using namespace std::chrono;
    auto const now = system_clock::now();
    auto const seconds_since = system_clock::to_time_t(now);
    std::tm parts{};
#ifdef _WIN32
    gmtime_s(&parts, &seconds_since);
#else
    gmtime_r(&seconds_since, &parts);
#endif
    auto const micros = duration_cast<microseconds>(now.time_since_epoch()).count() % 1'000'000;
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                       parts.tm_min, parts.tm_sec, micros);
}

Result<void> Ledger::ensure(Options const& options) {
    UNDROP_TRY(auto state, backend_.store_state(name_));
    if (!state.foreign.empty()) return not_ours(state.foreign);
    if (state.exists) {
        UNDROP_TRY(auto format, backend_.rows(fmt::format("select value from {} where key = 'format'", table(names::meta))));
        if (format.empty() || text(format[0][0]) == names::format) return add_missing_tables(options);
        return Error{.code = Code::refused,
                     .left = Left::untouched,
                     .message = fmt::format("the ledger has format {}, this undrop knows format {}", text(format[0][0]), names::format),
                     .next = {.advice = "use the undrop that wrote it, or a newer one"}};
    }
    UNDROP_CHECK(backend_.begin(options, {}));
    auto made = create();
    if (made) made = backend_.commit();
    if (made) return made;
    backend_.rollback();
    // Another migrator may have made it between our look and our transaction.
    if (auto again = backend_.store_state(name_); again && again.value().exists && again.value().foreign.empty())
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto error = std::move(made).error();
    error.trail.insert(error.trail.begin(), "making undrop's store");
    return error;
}

Result<bool> Ledger::has(char const* table_name) {
    auto const found = backend_.rows(fmt::format("select 1 from {} where 1 = 0", table(table_name)));
    if (!found && !backend_.means_no_store(found.error())) return found.error();
    return found.has_value();
}

Result<void> Ledger::add_missing_tables(Options const& options) {
    for (auto const& [later, columns] : later_tables) {
        UNDROP_TRY(bool const there, has(later));
        if (there) continue;
        UNDROP_CHECK(backend_.begin(options, {}));
        auto made = create(later, columns);
        if (made) made = backend_.commit();
        if (made) continue;
        backend_.rollback();
        // Another migrator may have been faster.
        if (auto const again = has(later); !again || !again.value()) return made;
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Ledger::create(char const* table_name, char const* columns) {
    UNDROP_CHECK(backend_.run(fmt::format("create table {} ({})", table(table_name), columns)));
    return backend_.seal(table(table_name), nullptr);
}

Result<void> Ledger::create() {
    // SQLite's lock is the transaction that is open now: look again in it.
    UNDROP_TRY(auto state, backend_.store_state(name_));
    if (state.exists) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_CHECK(backend_.create_store(name_));
    std::array<std::pair<char const*, char const*>, 6> const tables{{
        {names::meta, "key text not null primary key, value text not null"},
        {names::event,
         "id bigint not null primary key, run bigint not null, kind text not null, version text, name text, at text not null, seconds "
         "text, "
         "role text, os_user text, host text, program text, label text, up_sum text, down_sum text, up_script text, down_script text, "
         "detail text"},
        {names::script, "id text not null primary key, body text not null, file text"},
        {names::object,
         "step bigint not null, n bigint not null, kind text not null, parent text not null, name text not null, before text, after text, "
         "primary key (step, n)"},
        {names::snapshot,
         "id bigint not null primary key, step bigint not null, kind text not null, what text not null, store text, row_count bigint not "
         "null, "
         "bytes bigint not null, hash text not null, manifest text not null"},
        {names::footprint,
         "id bigint not null primary key, step bigint not null, table_schema text not null, table_name text not null, column_name text not "
         "null, "
         "store text, uniform text, made_of text not null"},
    }};
    for (auto const& [name, columns] : tables) UNDROP_CHECK(create(name, columns));
    for (auto const& [name, columns] : later_tables) UNDROP_CHECK(create(name, columns));
    UNDROP_CHECK(backend_.run(fmt::format("insert into {} values ('format', '{}')", table(names::meta), names::format)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<std::int64_t> Ledger::next(std::string const& what, char const* table_name) {
    UNDROP_TRY(auto rows, backend_.rows(fmt::format("select coalesce(max({}), 0) + 1 from {}", what, table(table_name))));
    return number(rows.at(0).at(0));
}

Result<std::int64_t> Ledger::next_run() { return next("run", names::event); }
Result<std::int64_t> Ledger::next_event() { return next("id", names::event); }
Result<std::int64_t> Ledger::next_snapshot() {
    UNDROP_TRY(auto snapshot, next("id", names::snapshot));
    UNDROP_TRY(auto footprint, next("id", names::footprint));
    return std::max(snapshot, footprint);  // one number for both: their tables of rows never share a name
}

Result<std::string> Ledger::add_script(std::optional<Script> const& script) {
    if (!script) return std::string{};
    auto const id = sha256_hex(script->text);
    std::array<Cell, 3> const values{id, script->text, script->file};
    std::array<Cell, 1> const key{id};
    UNDROP_TRY(auto known, backend_.query(fmt::format("select id from {} where id = $1", table(names::script)), key, 1));
    if (known.empty())
        UNDROP_CHECK(backend_.query(fmt::format("insert into {} (id, body, file) values ($1, $2, $3)", table(names::script)), values, 0));
    return id;
}

Result<void> Ledger::add(std::int64_t id, NewEvent const& event, Options const& options) {
    UNDROP_TRY(auto up, add_script(event.up));
    UNDROP_TRY(auto down, add_script(event.down));
    auto cell = [](std::string const& value) { return value.empty() ? Cell{} : Cell{value}; };
    std::array<Cell, 17> const values{std::to_string(id),
                                      std::to_string(event.run),
                                      event.kind,
                                      cell(event.version),
                                      cell(event.name),
                                      utc_now(),
                                      fmt::format("{:.6f}", event.seconds),
                                      cell(backend_.role()),
                                      cell(options.user),
                                      cell(options.host),
                                      cell(options.program),
                                      cell(options.label),
                                      event.up ? Cell{checksum(event.up->text)} : Cell{},
                                      event.down ? Cell{checksum(event.down->text)} : Cell{},
                                      cell(up),
                                      cell(down),
                                      cell(event.detail)};
    UNDROP_CHECK(backend_.query(
        fmt::format(
            "insert into {} (id, run, kind, version, name, at, seconds, role, os_user, host, program, label, up_sum, down_sum, up_script, "
            "down_script, detail) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            table(names::event)),
        values, 0));
    for (auto const& [part, script] : {std::pair{names::check_part, &event.check}, std::pair{names::down_check_part, &event.down_check}}) {
        if (!*script) continue;
        UNDROP_TRY(auto key, add_script(*script));
        std::array<Cell, 3> const row{std::to_string(id), part, std::move(key)};
        UNDROP_CHECK(backend_.query(fmt::format("insert into {} (event, part, script) values ($1, $2, $3)", table(names::check)), row, 0));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<RecordedChecks> Ledger::checks(std::int64_t event) {
    RecordedChecks recorded;
    auto const rows = backend_.rows(fmt::format("select part, script from {} where event = {}", table(names::check), event));
    if (!rows && backend_.means_no_store(rows.error())) return recorded;
    if (!rows) return rows.error();
    for (auto const& row : rows.value()) {
        UNDROP_TRY(auto body, script(text(row[1])));
        (text(row[0]) == names::check_part ? recorded.check : recorded.down_check) = std::move(body);
    }
    return recorded;
}

Result<void> Ledger::add(std::int64_t step, std::vector<Recorded> const& objects) { return add_from(step, objects, 0); }

Result<void> Ledger::add_more(std::int64_t step, std::vector<Recorded> const& objects) {
    UNDROP_TRY(auto const last,
               backend_.rows(fmt::format("select coalesce(max(n), 0) from {} where step = {}", table(names::object), step)));
    return add_from(step, objects, number(last.at(0).at(0)));
}

Result<void> Ledger::add_from(std::int64_t step, std::vector<Recorded> const& objects, std::int64_t last) {
    auto n = last;
    for (auto const& object : objects) {
        auto cell = [](std::optional<Object> const& o) { return o ? Cell{to_json(*o)} : Cell{}; };
        std::array<Cell, 7> const values{std::to_string(step), std::to_string(++n), object.id.kind,    object.id.parent,
                                         object.id.name,       cell(object.before), cell(object.after)};
        UNDROP_CHECK(
            backend_.query(fmt::format("insert into {} (step, n, kind, parent, name, before, after) values ($1, $2, $3, $4, $5, $6, $7)",
                                       table(names::object)),
                           values, 0));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Ledger::add(Snapshot const& s) {
    std::array<Cell, 9> const values{std::to_string(s.id),   std::to_string(s.step),  name_of(s.kind), s.what(),      s.store,
                                     std::to_string(s.rows), std::to_string(s.bytes), s.hash,          to_manifest(s)};
    UNDROP_CHECK(
        backend_.query(fmt::format("insert into {} (id, step, kind, what, store, row_count, bytes, hash, manifest) values ($1, $2, $3, $4, "
                                   "$5, $6, $7, $8, $9)",
                                   table(names::snapshot)),
                       values, 0));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> Ledger::add(Footprint const& f) {
    std::array<Cell, 8> const values{std::to_string(f.id),
                                     std::to_string(f.step),
                                     f.schema,
                                     f.table,
                                     f.column,
                                     f.store.empty() ? Cell{} : Cell{f.store},
                                     f.store.empty() ? Cell{f.uniform} : Cell{},
                                     name_of(f.of)};
    UNDROP_CHECK(
        backend_.query(fmt::format("insert into {} (id, step, table_schema, table_name, column_name, store, uniform, made_of) values "
                                   "($1, $2, $3, $4, $5, $6, $7, $8)",
                                   table(names::footprint)),
                       values, 0));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<std::string> Ledger::script(std::string const& key) {
    std::array<Cell, 1> const values{key};
    UNDROP_TRY(auto rows, backend_.query(fmt::format("select body, file from {} where id = $1", table(names::script)), values, 2));
    if (rows.empty() || sha256_hex(text(rows[0][0])) != key)
        return Error{
            .code = Code::refused,
            .left = Left::untouched,
            .message =
                fmt::format("the ledger's script {} is not the one that was recorded there", rows.empty() ? key : rows[0][1].value_or(key)),
            .next = {.advice = fmt::format("find out who changed undrop's store; it runs once {} has the text again whose SHA-256 is {}",
                                           table(names::script), key)}};
    return text(rows[0][0]);
}

Result<std::vector<Recorded>> Ledger::objects(std::int64_t step) {
    UNDROP_TRY(auto rows, backend_.rows(fmt::format("select kind, parent, name, before, after from {} where step = {} order by n",
                                                    table(names::object), step)));
    std::vector<Recorded> objects;
    std::map<ObjectId, std::size_t> places;
    for (auto const& row : rows) {
        Recorded recorded{.id = {text(row[0]), text(row[1]), text(row[2])}, .before = {}, .after = {}};
        UNDROP_CHECK(readable(step, [&] {
            if (row[3]) recorded.before = object_from_json(*row[3]);
            if (row[4]) recorded.after = object_from_json(*row[4]);
        }));
        if (auto const [place, first] = places.emplace(recorded.id, objects.size()); first)
            objects.push_back(std::move(recorded));
        else
            objects[place->second].after = std::move(recorded.after);
    }
    return objects;
}

Result<std::vector<Snapshot>> Ledger::snapshots(std::int64_t step) {
    UNDROP_TRY(auto rows,
               backend_.rows(fmt::format("select id, step, store, row_count, bytes, hash, manifest from {} where step = {} order by id",
                                         table(names::snapshot), step)));
    std::vector<Snapshot> snapshots;
    for (auto const& row : rows) {
        Snapshot s;
        s.id = number(row[0]);
        s.step = number(row[1]);
        s.store = text(row[2]);
        s.rows = number(row[3]);
        s.bytes = number(row[4]);
        s.hash = text(row[5]);
        UNDROP_CHECK(readable(step, [&] { from_manifest(text(row[6]), s); }));
        snapshots.push_back(std::move(s));
    }
    return snapshots;
}

Result<std::vector<Footprint>> Ledger::footprints(std::int64_t step) { return footprints_where(fmt::format("step = {}", step)); }
Result<std::vector<Footprint>> Ledger::footprints() { return footprints_where("1 = 1"); }

Result<std::vector<Footprint>> Ledger::footprints_where(std::string const& condition) {
    UNDROP_TRY(auto rows,
               backend_.rows(fmt::format("select id, step, table_schema, table_name, column_name, store, uniform, made_of from {} "
                                         "where {}",
                                         table(names::footprint), condition)));
    std::vector<Footprint> footprints;
    for (auto const& row : rows)
        footprints.push_back({number(row[0]), number(row[1]), text(row[2]), text(row[3]), text(row[4]), text(row[5]), text(row[6]),
                              footprint_of(text(row[7]))});
    return footprints;
}

Result<std::vector<LogEntry>> Ledger::log(std::optional<std::int64_t> run) {
    UNDROP_TRY(auto rows,
               backend_.store_rows(name_, fmt::format("select id, run, kind, version, name, at, seconds, role, os_user, host, program, "
                                                      "label, detail from {} {} order by id",
                                                      table(names::event), run ? fmt::format("where run = {}", *run) : "")));
    std::vector<LogEntry> log;
    for (auto const& row : rows)
        log.push_back({number(row[0]), number(row[1]), text(row[2]), text(row[3]), text(row[4]), text(row[5]),
                       row[6] ? std::stod(*row[6]) : 0.0, text(row[7]), text(row[8]), text(row[9]), text(row[10]), text(row[11]),
                       text(row[12])});
    return log;
}

}  // namespace undrop

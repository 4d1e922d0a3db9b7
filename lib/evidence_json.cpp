#include "evidence_json.hpp"

#include <undrop/evidence.hpp>

#include "digest.hpp"
#include "evidence.hpp"

namespace undrop {
namespace {

// -- Reading. Throws nlohmann's exceptions; evidence_from_json catches them.

template <class Enum>
Enum one_of(Json const& json, std::initializer_list<Enum> values) {
    auto const text = json.get<std::string>();
    for (auto const value : values)
        if (text == name_of(value)) return value;
    throw Json::other_error::create(501, "unknown word \"" + text + "\"", nullptr);
}

Grade grade_from(Json const& json) {
    return one_of(json,
                  {Grade::exact, Grade::exact_with_snapshot, Grade::lossy, Grade::irreversible, Grade::down_broken, Grade::up_broken});
}

RowDifference row_from(Json const& json) {
    RowDifference row;
    row.table = json.at("table");
    row.key = json.at("key");
    row.column = json.at("column");
    row.before = json.at("before");
    row.after = json.at("after");
    row.hidden = json.at("hidden");
    auto const kind = json.at("kind").get<std::string>();
    row.kind = kind == "gone" ? RowDifference::Kind::gone : kind == "added" ? RowDifference::Kind::added : RowDifference::Kind::changed;
    return row;
}

StepCost cost_from(Json const& json) {
    StepCost cost;
    cost.seconds = json.at("seconds");
    cost.rows_saved = json.at("rows_saved");
    cost.bytes_saved = json.at("bytes_saved");
    for (auto const& lock : json.at("locks")) cost.locks.push_back({lock.at("table"), lock.at("waited_seconds"), lock.at("held_seconds")});
    auto const& stop = json.at("writers_stop_seconds");
    cost.writers_stop = stop.is_null() ? -1 : stop.get<double>();
    cost.assumption = json.at("assumption");
    cost.rewritten = json.at("rewritten").get<std::vector<std::string>>();
    return cost;
}

Rehearsed rehearsed_from(Json const& json) {
    Rehearsed r{.version = json.at("version"), .name = json.at("name")};
    r.grade = grade_from(json.at("grade"));
    r.came_back = json.at("came_back");
    r.irreversible = json.at("irreversible");
    r.step = json.at("step");
    r.reason = json.at("reason");
    if (auto const& place = json.at("where"); !place.is_null())
        r.where = {.file = place.at("file"), .line = place.at("line"), .column = place.at("column")};
    r.statement = json.at("statement");
    r.native = json.at("native");
    r.rows_differing = json.at("rows_differing");
    for (auto const& row : json.at("rows")) r.rows.push_back(row_from(row));
    for (auto const& object : json.at("objects"))
        r.objects.push_back(
            {object.at("object"), object.at("before"), object.at("after"), object.at("before_when"), object.at("after_when")});
    r.reproduce = json.at("reproduce");
    r.seconds = json.at("seconds");
    r.because = json.at("because");
    r.derived = json.at("derived");
    r.notes = json.at("notes");
    r.refused_in_use = json.at("refused_in_use");
    r.up = cost_from(json.at("took").at("up"));
    r.down = cost_from(json.at("took").at("down"));
    r.up_sum = json.at("up_sum");
    r.down_sum = json.at("down_sum");
    r.directives = json.at("directives");
    r.down_derived = json.at("down_derived");
    r.fingerprint = json.at("fingerprint");
    for (auto const& object : json.at("at_stake"))
        r.at_stake.push_back({object.at("kind"), object.at("parent"), object.at("name"), object.at("before"), object.at("after")});
    for (auto const& rows : json.at("compared")) r.compared.push_back({rows.at("table"), rows.at("rows"), rows.at("hash")});
    return r;
}

Evidence evidence_from(Json const& json) {
    Evidence evidence;
    evidence.accepted = grade_from(json.at("accepted"));
    evidence.target = json.at("target");
    evidence.data.mode =
        one_of(json.at("data"), {DataMode::migrations, DataMode::schema, DataMode::synthetic, DataMode::sample, DataMode::full});
    evidence.data.rows = json.at("data_rows");
    evidence.data.seed = json.at("seed");
    evidence.only_applied = json.at("only_applied");
    for (auto const& migration : json.at("migrations")) evidence.migrations.push_back(rehearsed_from(migration));
    evidence.not_reached = json.at("not_reached");
    evidence.notes = json.at("notes");
    evidence.not_filled = json.at("not_filled");
    mark_not_exercised(evidence);
    evidence.witness = json.at("witness");
    evidence.seconds = json.at("seconds");
    evidence.undrop = json.at("undrop");
    evidence.database = json.at("database");
    evidence.at = json.at("at");
    return evidence;
}

Error no_evidence(std::string message) {
    return {.code = Code::usage,
            .message = std::move(message),
            .next = {.command = "rehearse --report FILE.json", .advice = "makes evidence of this version"}};
}

std::string sum_of(Json const& json) {
    auto sorted = nlohmann::json::parse(json.dump(-1, ' ', false, Json::error_handler_t::replace));
    sorted.erase("sum");
    return sha256_hex(sorted.dump());
}

}  // namespace

void add_gate(Rehearsed const& r, Json& json) {
    json["up_sum"] = r.up_sum;
    json["down_sum"] = r.down_sum;
    json["directives"] = r.directives;
    json["down_derived"] = r.down_derived;
    json["fingerprint"] = r.fingerprint;
    json["not_exercised"] = r.not_exercised;
    json["at_stake"] = list(r.at_stake, [](ObjectAtStake const& o) {
        return Json{{"kind", o.kind}, {"parent", o.parent}, {"name", o.name}, {"before", o.before}, {"after", o.after}};
    });
    json["compared"] = list(r.compared, [](RowsCompared const& c) { return Json{{"table", c.table}, {"rows", c.rows}, {"hash", c.hash}}; });
}

void add_gate(Evidence const& evidence, Json& json) {
    json["data_rows"] = evidence.data.rows;
    json["seed"] = evidence.data.seed;
    json["undrop"] = evidence.undrop;
    json["database"] = evidence.database;
    json["at"] = evidence.at;
    json["not_filled"] = evidence.not_filled;
    json["witness"] = evidence.witness;
}

void add_sum(Json& json) { json["sum"] = sum_of(json); }

bool is_edited(Json const& json) {
    auto const sum = json.find("sum");
    return sum != json.end() && (!sum->is_string() || sum->get<std::string>() != sum_of(json));
}

Result<Evidence> evidence_from_json(std::string_view text) {
    try {
        auto const json = Json::parse(text);
        if (!json.is_object() || !json.contains("kind") || json["kind"] != "evidence")
            return no_evidence("this JSON is no evidence of a rehearsal");
        if (json.at("format") != format)
            return no_evidence("this evidence has format " + json["format"].dump() + "; this undrop reads format " +
                               std::to_string(format));
        if (!json.contains("sum")) return no_evidence("this evidence has no sum: an older undrop made it, or somebody took it out");
        if (is_edited(json)) return no_evidence("this evidence was changed since it was made: its sum is that of another text");
        return evidence_from(json);
    } catch (Json::exception const& e) {
        return no_evidence(std::string("this is no evidence of a rehearsal: ") + e.what());
    }
}

}  // namespace undrop

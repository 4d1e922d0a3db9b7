// JSON of the values that the library gives out. Every document has a `format` number and a `kind`.
#include <array>
#include <utility>

#include <undrop/undrop.hpp>

#include "evidence_json.hpp"
#include "json.hpp"
#include "try.hpp"

namespace undrop {
namespace {

bool is_utf8(std::string const& text) {
    try {
        (void)Json(text).dump();
        return true;
    } catch (Json::exception const&) {
        return false;
    }
}

// A script is run as it is read back, so bytes that JSON cannot hold are kept as a list of numbers.
Json script_json(std::optional<Script> const& script) {
    if (!script) return nullptr;
    if (is_utf8(script->text)) return {{"file", script->file}, {"text", script->text}};
    return {{"file", script->file}, {"bytes", std::vector<unsigned char>(script->text.begin(), script->text.end())}};
}

using Returned = PlannedReturn;
constexpr std::array returns{std::pair{"comes_back", &Returned::comes_back}, std::pair{"changed_since", &Returned::changed_since},
                             std::pair{"deleted_since", &Returned::deleted_since}, std::pair{"inserted_since", &Returned::inserted_since},
                             std::pair{"key_taken", &Returned::key_taken}};

Json return_json(PlannedReturn const& back) {
    Json json = {{"snapshot", back.snapshot}, {"what", back.what}, {"rows", back.rows}};
    for (auto const& [name, count] : returns) json[name] = optional_json(back.*count);
    json["unknown"] = back.unknown;
    return json;
}

Json planned_step_json(PlannedStep const& step) {
    auto const loss = [](PlannedLoss const& l) {
        Json json = {{"what", l.what}, {"rows", optional_json(l.rows)}, {"waived", l.waived}};
        json["written_since"] = optional_json(l.written_since);
        return json;
    };
    return {{"version", step.version},
            {"name", step.name},
            {"direction", name_of(step.direction)},
            {"origin", name_of(step.origin)},
            {"up", script_json(step.up)},
            {"down", script_json(step.down)},
            {"statements", step.statements},
            {"locks", step.locks},
            {"losses", list(step.losses, loss)},
            {"comes_back", step.comes_back},
            {"returns", list(step.returns, return_json)},
            {"mends", step.mends},
            {"notes", step.notes},
            {"check", script_json(step.check)},
            {"down_check", script_json(step.down_check)},
            {"check_statements", step.check_statements},
            {"unfinished", step.unfinished},
            {"takes_back", step.takes_back},
            {"taken_back_for", step.taken_back_for}};
}

Json merged_json(Merged const& merged) {
    return {{"what", merged.what},
            {"snapshot", merged.snapshot},
            {"rows", merged.rows},
            {"kept_aside", merged.kept_aside()},
            {"defaulted", merged.defaulted},
            {"restored", merged.restored},
            {"removed", merged.removed},
            {"in_use", merged.in_use},
            {"unchanged", merged.unchanged},
            {"computed", merged.computed},
            {"changed_since", merged.changed_since},
            {"deleted_since", merged.deleted_since},
            {"inserted_since", merged.inserted_since},
            {"key_taken", merged.key_taken},
            {"not_found", merged.not_found},
            {"not_users", merged.not_users},
            {"overwritten", merged.overwritten},
            {"orphaned", merged.orphaned},
            {"emptied", merged.emptied},
            {"at_default", merged.at_default},
            {"not_restored", merged.not_restored}};
}

Json step_report_json(StepReport const& step) {
    auto const saved = [](Saved const& s) { return Json{{"what", s.what}, {"rows", s.rows}, {"bytes", s.bytes}}; };
    auto const lock = [](LockHeld const& l) {
        return Json{{"table", l.table}, {"waited_seconds", l.waited_seconds}, {"held_seconds", l.held_seconds}};
    };
    return {{"version", step.version},
            {"name", step.name},
            {"direction", name_of(step.direction)},
            {"origin", name_of(step.origin)},
            {"seconds", step.seconds},
            {"rounds", step.rounds},
            {"tries", step.tries},
            {"checks", step.checks},
            {"saved", list(step.saved, saved)},
            {"went", step.went},
            {"merged", list(step.merged, merged_json)},
            {"mended", step.mended},
            {"waived", step.waived},
            {"notes", step.notes},
            {"outside", step.outside},
            {"locks", list(step.locks, lock)},
            {"taken_back_for", step.taken_back_for}};
}

// -- Reading a plan. Throws nlohmann's exceptions; plan_from_json catches them.

template <class Enum>
Enum one_of(Json const& json, std::initializer_list<Enum> values) {
    auto const text = json.get<std::string>();
    for (auto const value : values) {
        if (text == name_of(value)) return value;
    }
    throw Json::other_error::create(501, "unknown word \"" + text + "\"", nullptr);
}

Direction direction_from(Json const& json) { return one_of(json, {Direction::up, Direction::down}); }

std::optional<Script> script_from(Json const& json) {
    if (json.is_null()) return {};
    Script script{.text = {}, .file = json.at("file")};
    if (json.contains("bytes")) {
        auto const bytes = json.at("bytes").get<std::vector<unsigned char>>();
        script.text.assign(bytes.begin(), bytes.end());
    } else {
        script.text = json.at("text");
    }
    return script;
}

Finding finding_from(Json const& json) {
    Finding finding;
    finding.severity = one_of(json.at("severity"), {Finding::Severity::note, Finding::Severity::warning, Finding::Severity::stop});
    finding.code = json.at("code");
    finding.text = json.at("text");
    if (auto const& place = json.at("where"); !place.is_null()) {
        finding.where = {.file = place.at("file"), .line = place.at("line"), .column = place.at("column")};
    }
    finding.next = {.command = json.at("next").at("command"), .advice = json.at("next").at("advice")};
    for (auto const& object : json.value("differences", Json::array()))
        finding.differences.push_back(
            {object.at("object"), object.at("before"), object.at("after"), object.at("before_when"), object.at("after_when")});
    return finding;
}

std::optional<std::int64_t> number_from(Json const& json, char const* key) {
    return json.value(key, Json()).is_null() ? std::nullopt : std::optional(json.at(key).get<std::int64_t>());
}

PlannedStep planned_step_from(Json const& json) {
    PlannedStep step;
    step.version = json.at("version");
    step.name = json.at("name");
    step.direction = direction_from(json.at("direction"));
    step.origin = one_of(json.at("origin"), {Origin::file, Origin::ledger, Origin::derived});
    step.up = script_from(json.at("up"));
    step.down = script_from(json.at("down"));
    step.statements = json.at("statements");
    step.locks = json.at("locks");
    for (auto const& loss : json.at("losses"))
        step.losses.push_back({loss.at("what"), number_from(loss, "rows"), loss.at("waived"), number_from(loss, "written_since")});
    for (auto const& back : json.value("returns", Json::array())) {
        auto& to = step.returns.emplace_back(PlannedReturn{back.at("snapshot"), back.at("what"), back.at("rows")});
        to.unknown = back.at("unknown");
        for (auto const& [name, count] : returns) to.*count = number_from(back, name);
    }
    step.comes_back = json.at("comes_back");
    step.mends = json.at("mends");
    step.notes = json.at("notes");
    step.check = script_from(json.value("check", Json()));
    step.down_check = script_from(json.value("down_check", Json()));
    step.check_statements = json.value("check_statements", 0);
    step.unfinished = json.value("unfinished", std::int64_t{0});
    step.takes_back = json.value("takes_back", false);
    step.taken_back_for = json.value("taken_back_for", "");
    return step;
}

Plan plan_from(Json const& json) {
    Plan plan;
    plan.direction = direction_from(json.at("direction"));
    plan.target = json.at("target");
    plan.ledger = json.at("ledger");
    plan.base = json.at("base");
    for (auto const& step : json.at("steps")) plan.steps.push_back(planned_step_from(step));
    for (auto const& finding : json.at("findings")) plan.findings.push_back(finding_from(finding));
    return plan;
}

Error no_plan(std::string message) {
    return {.code = Code::usage,
            .message = std::move(message),
            .next = {.command = "plan --out FILE", .advice = "make a plan of this version"}};
}

Json checked_json(CheckedStatement const& statement) {
    return {{"statement", statement.text},
            {"where", place_json(statement.where)},
            {"holds", statement.holds},
            {"rows", statement.rows},
            {"problem", statement.problem}};
}

Json checked_json(CheckedMigration const& migration) {
    return {{"version", migration.version},
            {"name", migration.name},
            {"origin", name_of(migration.origin)},
            {"file", migration.file},
            {"holds", migration.holds()},
            {"statements", list(migration.statements, [](CheckedStatement const& s) { return checked_json(s); })}};
}

Json row_difference_json(RowDifference const& row) {
    // The kind cannot be told from values that are hidden.
    auto const* kind = row.kind == RowDifference::Kind::gone ? "gone" : row.kind == RowDifference::Kind::added ? "added" : "changed";
    return {{"kind", kind},         {"table", row.table}, {"key", row.key},       {"column", row.column},
            {"before", row.before}, {"after", row.after}, {"hidden", row.hidden}, {"text", row.text()}};
}

Json cost_json(StepCost const& cost) {
    auto const lock = [](LockHeld const& l) {
        return Json{{"table", l.table}, {"waited_seconds", l.waited_seconds}, {"held_seconds", l.held_seconds}};
    };
    Json json = {
        {"seconds", cost.seconds}, {"rows_saved", cost.rows_saved}, {"bytes_saved", cost.bytes_saved}, {"locks", list(cost.locks, lock)}};
    json["writers_stop_seconds"] = cost.writers_stop < 0 ? Json(nullptr) : Json(cost.writers_stop);
    json["assumption"] = cost.assumption;
    json["rewritten"] = cost.rewritten;
    return json;
}

Json rehearsed_json(Rehearsed const& r) {
    return {{"version", r.version},
            {"name", r.name},
            {"grade", name_of(r.grade)},
            {"because", r.because},
            {"derived", r.derived},
            {"notes", r.notes},
            {"refused_in_use", r.refused_in_use},
            {"took", {{"up", cost_json(r.up)}, {"down", cost_json(r.down)}}},
            {"came_back", r.came_back},
            {"irreversible", r.irreversible},
            {"step", r.step},
            {"reason", r.reason},
            {"where", place_json(r.where)},
            {"statement", r.statement},
            {"native", r.native},
            {"rows_differing", r.rows_differing},
            {"rows", list(r.rows, row_difference_json)},
            {"objects", list(r.objects, object_difference_json)},
            {"reproduce", r.reproduce},
            {"seconds", r.seconds}};
}

}  // namespace

std::string to_json(Evidence const& evidence) {
    auto json = document("evidence");
    json["exact"] = evidence.exact();
    json["good"] = evidence.good();
    json["accepted"] = name_of(evidence.accepted);
    json["target"] = evidence.target;
    json["data"] = name_of(evidence.data.mode);
    json["only_applied"] = evidence.only_applied;
    json["migrations"] = list(evidence.migrations, [](Rehearsed const& r) {
        auto one = rehearsed_json(r);
        add_gate(r, one);
        return one;
    });
    json["not_reached"] = evidence.not_reached;
    json["notes"] = evidence.notes;
    json["seconds"] = evidence.seconds;
    add_gate(evidence, json);
    add_sum(json);
    return dumped(json);
}

std::string to_json(Plan const& plan) {
    auto json = document("plan");
    json["go"] = plan.go();
    json["direction"] = name_of(plan.direction);
    json["target"] = plan.target;
    json["ledger"] = plan.ledger;
    json["base"] = plan.base;
    json["steps"] = list(plan.steps, planned_step_json);
    json["findings"] = list(plan.findings, finding_json);
    add_sum(json);
    return dumped(json);
}

Result<Plan> plan_from_json(std::string_view text) {
    try {
        auto const json = Json::parse(text);
        if (!json.is_object() || !json.contains("kind") || json["kind"] != "plan") return no_plan("this JSON is no plan of undrop");
        if (json.at("format") != format) {
            return no_plan("this plan has format " + json["format"].dump() + "; this undrop reads format " + std::to_string(format));
        }
        if (is_edited(json)) return no_plan("this plan was changed since it was made: its sum is that of another text");
        return plan_from(json);
    } catch (Json::exception const& e) {
        return no_plan(std::string("this is no plan: ") + e.what());
    }
}

std::string to_json(Report const& report) {
    auto json = document("report");
    json["target"] = report.target;
    json["run"] = report.run;
    json["label"] = report.label;
    json["seconds"] = report.seconds;
    json["steps"] = list(report.steps, step_report_json);
    json["findings"] = list(report.findings, finding_json);
    json["elsewhere"] = report.elsewhere;
    return dumped(json);
}

std::string to_json(CheckReport const& report) {
    auto json = document("check");
    json["target"] = report.target;
    json["holds"] = report.holds();
    json["checks"] = list(report.migrations, [](CheckedMigration const& m) { return checked_json(m); });
    return dumped(json);
}

}  // namespace undrop

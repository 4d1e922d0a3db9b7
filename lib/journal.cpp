#include "journal.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "names.hpp"
#include "object_json.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using nlohmann::json;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr char const* begun_state = "begun";
constexpr char const* done_state = "done";
constexpr char const* torn_state = "torn";

std::int64_t number(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }

std::string to_detail(Begun const& begun) {
    auto const& what = begun.what;
    json objects = json::array();
    for (auto const& [id, object] : begun.objects) objects.push_back({id.kind, id.parent, id.name, to_json(object)});
    json const out = {{"kind", what.kind},
                      {"name", {what.schema, what.name}},
                      {"table", {what.table_schema, what.table}},
                      {"label", what.label},
                      {"target", {what.target.kind, what.target.parent, what.target.name}},
                      {"whole_table", what.whole_table},
                      {"repeatable", what.repeatable},
                      {"stays", what.stays},
                      {"commits", what.commits},
                      {"positions", begun.positions},
                      {"before", begun.before == Effect::whole  ? "whole"
                                 : begun.before == Effect::half ? "half"
                                                                : "none"},
                      {"objects", objects}};
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Begun from_detail(std::string const& text) {
    auto const in = json::parse(text);
    Begun begun;
    auto& what = begun.what;
    what.kind = in.at("kind");
    what.schema = in.at("name").at(0);
    what.name = in.at("name").at(1);
    what.table_schema = in.at("table").at(0);
    what.table = in.at("table").at(1);
    what.label = in.at("label");
    what.target = {in.at("target").at(0), in.at("target").at(1), in.at("target").at(2)};
    what.whole_table = in.at("whole_table");
    what.repeatable = in.at("repeatable");
    what.stays = in.at("stays");
    what.commits = in.value("commits", false);
    begun.positions = in.value("positions", std::map<std::string, std::string>{});
    auto const before = in.at("before").get<std::string>();
    begun.before = before == "whole" ? Effect::whole : before == "half" ? Effect::half : Effect::none;
    for (auto const& object : in.at("objects"))
        begun.objects.emplace(ObjectId{object.at(0), object.at(1), object.at(2)}, object_from_json(object.at(3).get<std::string>()));
    return begun;
}

Error unreadable(std::int64_t step) {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("what the journal says of step {} cannot be read", step),
                 .next = {.advice = "find out who changed undrop's store"}};
}

}  // namespace

int Progress::next() const {
    int part = 1;
    while (done.contains(part)) ++part;
    return part;
}

Result<Progress> Journal::read(std::int64_t step) {
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select part, state, detail from {} where step = {} order by id",
                                                          ledger_.table(names::journal), step)));
    Progress progress;
    for (auto const& row : rows) {
        auto const part = static_cast<int>(number(row[0]));
        bool const done = row[1] == done_state;
        if (done) progress.done.insert(part);
        if (row[1] == torn_state) progress.torn.insert(part);
        if (!row[2]) continue;
        try {
            (done ? progress.finished : progress.begun).insert_or_assign(part, from_detail(*row[2]));
        } catch (std::exception const&) {
            return unreadable(step);
        }
    }
    for (auto const part : progress.done) progress.begun.erase(part);
    return progress;
}

Result<void> Journal::begin(std::int64_t step, ScriptPart const& part, Begun const& begun) { return add(step, part, begun_state, &begun); }

Result<void> Journal::finish(std::int64_t step, ScriptPart const& part, Begun const* what) {
    UNDROP_TRY(auto const progress, read(step));
    if (progress.done.contains(part.number))
        return Error{.code = Code::conflict,
                     .left = Left::untouched,
                     .message = fmt::format("{} was done by another migrator meanwhile", text_of(part)),
                     .next = {.command = "status"}};
    return add(step, part, done_state, what);
}

Result<void> Journal::tear(std::int64_t step, ScriptPart const& part) { return add(step, part, torn_state, nullptr); }

Result<void> Journal::add(std::int64_t step, ScriptPart const& part, char const* state, Begun const* what) {
    auto const table = ledger_.table(names::journal);
    UNDROP_TRY(auto const next, backend_.rows(fmt::format("select coalesce(max(id), 0) + 1 from {}", table)));
    std::array<Cell, 9> const values{next.at(0).at(0).value_or("1"),
                                     std::to_string(step),
                                     std::to_string(part.number),
                                     std::to_string(part.first),
                                     state,
                                     what ? Cell{what->what.kind} : Cell{},
                                     what ? Cell{what->what.text()} : Cell{},
                                     utc_now(),
                                     what ? Cell{to_detail(*what)} : Cell{}};
    UNDROP_CHECK(backend_.query(fmt::format("insert into {} (id, step, part, statement, state, kind, target, at, detail) values "
                                            "($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                                            table),
                                values, 0));
    return success();
}

Result<bool> Journal::was_done(Outside const& what) {
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select step, detail from {} where state = 'done' and kind = {}",
                                                          ledger_.table(names::journal), backend_.dialect().literal(what.kind))));
    for (auto const& row : rows) {
        try {
            if (from_detail(row[1].value_or("")).what.text() == what.text()) return true;
        } catch (std::exception const&) {
            return unreadable(number(row[0]));
        }
    }
    return false;
}

bool Progress::only_back() const {
    return std::any_of(begun.begin(), begun.end(), [](auto const& part) { return part.second.what.commits; });
}

ScriptPart const& Standing::next() const {
    auto const at = static_cast<std::size_t>(progress.next() - 1);
    return parts.at(std::min(at, parts.size() - 1));
}

std::string Standing::text() const {
    auto const& part = next();
    auto const what = text_of(part);
    if (part.first == 0) return fmt::format("{0} of {0} statements are done, the ledger's entry is missing", statements);
    auto const number = std::to_string(part.last);
    return part.first == part.last ? fmt::format("statement {} of {}{}", number, statements, what.substr(what.find(',')))
                                   : fmt::format("{} of {}{}", what.substr(0, what.find(',')), statements, what.substr(what.find(',')));
}

Result<Standing> standing_of(Backend& backend, Ledger& ledger, Unfinished const& unfinished) {
    Standing standing;
    auto const& key = unfinished.direction == Direction::up ? unfinished.up_script : unfinished.down_script;
    UNDROP_TRY(auto text, ledger.script(key));
    Script const script{std::move(text), "(ledger)"};
    UNDROP_TRY(auto const statements, backend.dialect().split(script));
    standing.statements = static_cast<int>(statements.size());
    standing.parts = script_parts(backend.dialect(), statements, is_marked(script));
    UNDROP_TRY(standing.progress, Journal(backend, ledger).read(unfinished.step));
    return standing;
}

}  // namespace undrop

#include "copied_columns.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "query_rows.hpp"

namespace undrop {
namespace {

Tokens words_of(Statement const& statement) {
    auto all = tokens(statement.text);
    while (!all.empty() && all.back().is(";")) all.pop_back();
    return all;
}

bool writes_rows(Tokens const& all) {
    constexpr std::array words{"insert", "update", "delete", "replace", "merge",   "truncate",
                               "with",   "select", "do",     "call",    "execute", "copy"};
    return !all.empty() && is_one_of(all.front(), words);
}

// The columns of a CREATE TABLE that take a value; empty: not known.
std::vector<std::string> defined(std::vector<Tokens> const& definitions) {
    constexpr std::array constraints{"constraint", "primary", "unique", "check", "foreign", "exclude"};
    std::vector<std::string> names;
    for (auto const& all : definitions) {
        if (all.empty() || !all[0].is_name() || all[0].is("like")) return {};
        auto computed = false;
        for (std::size_t at = 1; at + 1 < all.size(); ++at) computed = computed || (all[at].is("as") && all[at + 1].is("("));
        if (!is_one_of(all[0], constraints) && !computed) names.push_back(lowered(all[0].text));
    }
    return names;
}

// Where an INSERT's query ends.
std::size_t end_of_query(Tokens const& all, std::size_t at) {
    constexpr std::array words{"on", "returning"};
    for (at = find_outside(all, at, words); at < all.size(); at = find_outside(all, at + 1, words))
        if (all[at].is("returning") || (at + 1 < all.size() && all[at + 1].is("conflict"))) break;
    return at;
}

// The rows of one INSERT, beside those of others.
void fill(RowSource& target, std::vector<std::string> const& names, RowSource const& rows) {
    std::map<std::string, std::string> of;
    for (std::size_t i = 0; i < names.size(); ++i) of.emplace(names[i], rows.columns[i].second);
    for (auto const& name : names)
        if (!target.column(name)) target.columns.emplace_back(name, "");
    for (auto& [name, from] : target.columns) {
        auto const found = of.find(name);
        auto const value = found == of.end() ? std::string{} : found->second;
        if (!target.filled)
            from = value;
        else if (from != value)
            from = mixed_column;
    }
    target.given.insert(names.begin(), names.end());
    target.in_order = !target.filled && rows.in_order;
    target.filled = true;
}

// What the statements of a script make of the rows of a table, one after the other.
class ScriptsTables {
public:
    explicit ScriptsTables(Table const& now) : now_(now), name_(lowered(now.name)) { known_[name_].whole = true; }
    void read(Tokens const& all);
    [[nodiscard]] std::optional<CopiedColumns> result() const;

private:
    void create(Tokens const& all);
    void alter(Tokens const& all);
    void empty(Tokens const& all, std::size_t at);
    void update(Tokens const& all);
    void insert(Tokens const& all, std::size_t into);
    [[nodiscard]] RowSource* known(Tokens const& all, std::size_t end);
    [[nodiscard]] std::vector<std::string> columns_of_now() const;

    Table const& now_;
    std::string name_;
    RowSources known_;
};

// The one that is named just before this place.
RowSource* ScriptsTables::known(Tokens const& all, std::size_t end) {
    if (end == 0 || end > all.size()) return nullptr;
    auto const found = known_.find(lowered(all[end - 1].text));
    return found == known_.end() ? nullptr : &found->second;
}

std::vector<std::string> ScriptsTables::columns_of_now() const {
    std::vector<std::string> names;
    for (auto const& column : now_.columns)
        if (!column.generated) names.push_back(lowered(column.name));
    return names;
}

void ScriptsTables::read(Tokens const& all) {
    if (all.empty()) return;
    if (all[0].is("create")) create(all);
    if (all[0].is("alter") && all.size() > 1 && all[1].is("table")) alter(all);
    if (all[0].is("truncate")) empty(all, past(all, 1, {"table", "only"}));
    if (all[0].is("delete")) empty(all, past(all, 1, {"from", "only"}));
    if (all[0].is("update")) update(all);
    if (all[0].is("drop") && all.size() > 1 && all[1].is("table"))
        if (auto const end = past_name(all, past(all, 2, {"if", "exists"})); known(all, end)) known_.erase(lowered(all[end - 1].text));
    constexpr std::array into{"into"};
    if (all[0].is("insert") || all[0].is("replace") || all[0].is("with"))
        if (auto const at = find_outside(all, 0, into); at < all.size()) insert(all, at + 1);
}

// CREATE TABLE name (...), or name AS SELECT ...
void ScriptsTables::create(Tokens const& all) {
    auto at = past(all, 1, {"or", "replace", "global", "local", "temp", "temporary", "unlogged"});
    if (at >= all.size() || !all[at].is("table")) return;
    at = past(all, at + 1, {"if", "not", "exists"});
    auto const end = past_name(all, at);
    if (end == at) return;
    auto const name = lowered(all[end - 1].text);
    constexpr std::array as_word{"as"};
    auto const as = find_outside(all, end, as_word);
    RowSource made;
    if (as >= all.size()) {
        if (end < all.size() && all[end].is("("))
            for (auto const& name_of : defined(items(part(all, end + 1, past_parentheses(all, end) - 1))))
                made.columns.emplace_back(name_of, "");
    } else if (auto const rows = QueryReader(known_).query(part(all, as + 1, all.size())); rows && !all[end].is("(")) {
        made = *rows;
        made.in_order = false;  // several processes may read what it reads
        for (auto const& column : made.columns) made.given.insert(column.first);
    } else {
        known_.erase(name);
        return;
    }
    known_.insert_or_assign(name, std::move(made));
}

void ScriptsTables::alter(Tokens const& all) {
    auto const end = past_name(all, past(all, 2, {"if", "exists", "only"}));
    auto* source = known(all, end);
    if (!source || end + 2 >= all.size()) return;
    if (all[end].is("rename") && all[end + 1].is("to")) {
        auto moved = std::move(*source);
        known_.erase(lowered(all[end - 1].text));
        known_.insert_or_assign(lowered(all.back().text), std::move(moved));
    } else if (all[end].is("rename") && all.size() > end + 3) {
        auto const from = lowered(all[all.size() - 3].text);
        auto const of = source->from(from).value_or("");
        source->set(lowered(all.back().text), of);
        source->set(from, "");
    } else if (has(all, "using")) {
        for (auto const& action : items(part(all, end, all.size())))
            if (auto const at = past(action, 0, {"alter", "column"}); at > 0 && at < action.size() && has(action, "using"))
                source->set(lowered(action[at].text), "");
    }
}

// The table itself, without its rows, gets others by the next INSERT.
void ScriptsTables::empty(Tokens const& all, std::size_t at) {
    auto const end = past_name(all, at);
    auto* source = known(all, end);
    if (!source || has(all, "where")) return;
    auto const whole = source->whole;
    *source = RowSource{};
    for (auto const& name : whole ? columns_of_now() : std::vector<std::string>{}) source->columns.emplace_back(name, "");
}

void ScriptsTables::update(Tokens const& all) {
    auto* source = known(all, past_name(all, past(all, 1, {"or", "ignore", "replace", "only"})));
    constexpr std::array set_word{"set"};
    constexpr std::array end_word{"where", "from", "returning"};
    auto const set = find_outside(all, 0, set_word);
    if (!source || set >= all.size()) return;
    for (auto const& item : items(part(all, set + 1, find_outside(all, set, end_word))))
        for (std::size_t at = 0; at < item.size() && !item[at].is("="); ++at)
            if (item[at].is_name()) source->set(lowered(item[at].text), "");
}

void ScriptsTables::insert(Tokens const& all, std::size_t into) {
    auto const end = past_name(all, into);
    auto* target = known(all, end);
    if (!target || target->whole) return;
    std::vector<std::string> names;
    auto at = end;
    if (at + 1 < all.size() && all[at].is("as")) at += 2;
    if (at < all.size() && all[at].is("(")) {
        for (auto const& item : items(part(all, at + 1, past_parentheses(all, at) - 1)))
            if (item.size() == 1) names.push_back(lowered(item[0].text));
        at = past_parentheses(all, at);
    } else if (target->columns.empty()) {
        names = columns_of_now();
    } else {
        for (auto const& column : target->columns) names.push_back(column.first);
    }
    if (at < all.size() && all[at].is("overriding")) at += 3;
    if (at >= all.size() || all[at].is("values") || all[at].is("default")) return;  // rows of its own
    constexpr std::array insert_word{"insert"};
    auto query = all[0].is("with") ? part(all, 0, find_outside(all, 0, insert_word)) : Tokens{};
    auto const rest = part(all, at, end_of_query(all, at));
    query.insert(query.end(), rest.begin(), rest.end());
    auto const rows = QueryReader(known_).query(query);
    if (rows && !rows->whole && rows->columns.size() <= names.size()) {
        names.resize(rows->columns.size());
        fill(*target, names, *rows);
        if (has(all, "conflict")) target->in_order = false;
    } else {
        known_.erase(lowered(all[end - 1].text));
    }
}

std::optional<CopiedColumns> ScriptsTables::result() const {
    auto const found = known_.find(name_);
    if (found == known_.end() || found->second.whole || !found->second.filled) return std::nullopt;
    CopiedColumns copied{.same = {}, .given = found->second.given, .row_by_row = found->second.in_order};
    for (auto const& [name, of] : found->second.columns) {
        if (of == name) copied.same.insert(name);
        auto const is_it = [&, &name = name](std::string const& key) { return lowered(key) == name; };
        if (of == mixed_column && std::any_of(now_.key.begin(), now_.key.end(), is_it)) return std::nullopt;
    }
    return copied;
}

}  // namespace

std::optional<CopiedColumns> copied_columns(std::vector<Statement> const& statements, Table const& now) {
    ScriptsTables script(now);
    auto writes = 0;
    for (auto const& statement : statements) {
        auto const all = words_of(statement);
        if (writes_rows(all)) ++writes;
        script.read(all);
    }
    auto found = script.result();
    if (found && writes > 1) found->row_by_row = false;
    return found;
}

}  // namespace undrop

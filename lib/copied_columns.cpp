#include "copied_columns.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "sql_tokens.hpp"

namespace undrop {
namespace {

using Tokens = std::vector<Token>;

// What a script knows under a name: the rows of the old table, as they are or as it has written them down elsewhere.
struct Source {
    bool whole = false;                                        // all columns of the old table, but for those in `columns`
    std::vector<std::pair<std::string, std::string>> columns;  // name, and which column of the old table it is; "": it is computed
    std::set<std::string> given;                               // by an INSERT
    bool in_order = true;                                      // each old row once, in the order in which they lie
    bool filled = false;

    [[nodiscard]] std::string const* column(std::string const& name) const {
        auto const found = std::find_if(columns.begin(), columns.end(), [&](auto const& c) { return c.first == name; });
        return found == columns.end() ? nullptr : &found->second;
    }
    [[nodiscard]] std::optional<std::string> from(std::string const& name) const {
        if (auto const* known = column(name)) return *known;
        return whole ? std::optional(name) : std::nullopt;
    }
    void set(std::string const& name, std::string const& of) {
        auto const found = std::find_if(columns.begin(), columns.end(), [&](auto const& c) { return c.first == name; });
        if (found == columns.end())
            columns.emplace_back(name, of);
        else
            found->second = of;
    }
};

std::string const mixed(1, '?');  // of a column: some rows have the old value, others have not

using Sources = std::map<std::string, Source>;

bool has(Tokens const& all, char const* word) {
    return std::any_of(all.begin(), all.end(), [&](Token const& t) { return t.is(word); });
}

template <std::size_t N>
bool is_one_of(Token const& token, std::array<char const*, N> const& words) {
    return std::any_of(words.begin(), words.end(), [&](char const* word) { return token.is(word); });
}

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

std::size_t past(Tokens const& all, std::size_t at, std::initializer_list<char const*> words) {
    for (auto const* word : words)
        if (at < all.size() && all[at].is(word)) ++at;
    return at;
}

// Behind the parenthesis that closes the one here.
std::size_t past_parentheses(Tokens const& all, std::size_t at) {
    int depth = 0;
    for (; at < all.size(); ++at) {
        depth += all[at].is("(") ? 1 : all[at].is(")") ? -1 : 0;
        if (depth == 0) return at + 1;
    }
    return at;
}

Tokens part(Tokens const& all, std::size_t begin, std::size_t end) {
    end = std::min(end, all.size());
    return begin < end ? Tokens(all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end))
                       : Tokens{};
}

// The first place from `at` on where one of these words is outside of parentheses.
template <std::size_t N>
std::size_t find_outside(Tokens const& all, std::size_t at, std::array<char const*, N> const& words) {
    for (int depth = 0; at < all.size(); ++at) {
        if (depth == 0 && is_one_of(all[at], words)) break;
        depth += all[at].is("(") ? 1 : all[at].is(")") ? -1 : 0;
    }
    return at;
}

std::vector<Tokens> items(Tokens const& all) {
    std::vector<Tokens> found(1);
    int depth = 0;
    for (auto const& token : all) {
        depth += token.is("(") ? 1 : token.is(")") ? -1 : 0;
        if (depth == 0 && token.is(","))
            found.emplace_back();
        else
            found.back().push_back(token);
    }
    return found;
}

// Is it written as SELECT ... AS name, or as a column with a cast: what it is, and what it is called. Of another expression nothing.
struct Item {
    Tokens column;     // the name, with what is before its points; empty: it is computed
    std::string name;  // empty: none that is known
};

Item item_of(Tokens all) {
    Item item;
    if (all.size() > 2 && all[all.size() - 2].is("as") && all.back().is_name()) {
        item.name = lowered(all.back().text);
        all.resize(all.size() - 2);
    }
    if (all.size() > 3 && all[0].is("cast") && all[1].is("(") && past_parentheses(all, 1) == all.size()) {
        auto const as = std::find_if(all.begin(), all.end(), [](Token const& t) { return t.is("as"); });
        all = Tokens(all.begin() + 2, as);
    }
    auto const end = past_name(all, 0);
    if (end == 0) return item;
    auto const rest = part(all, end, all.size());
    auto const is_cast = rest.size() > 2 && rest[0].is(":") && rest[1].is(":") && !has(rest, "(");
    auto const is_called = rest.size() == 1 && rest[0].is_name();
    if (!rest.empty() && !is_cast && !is_called) return item;
    item.column = part(all, 0, end);
    if (item.name.empty()) item.name = lowered((is_called ? rest[0] : all[end - 1]).text);
    return item;
}

// The rows that a query gives, by their text. Nothing: it says too little.
class Reader {
public:
    explicit Reader(Sources sources) : sources_(std::move(sources)) {}
    [[nodiscard]] std::optional<Source> query(Tokens const& all);

private:
    struct Relation {
        std::string alias;
        std::optional<Source> source;  // none: something else than the old rows
    };
    [[nodiscard]] std::optional<Source> arms(Tokens const& all, std::size_t at);
    [[nodiscard]] std::optional<Source> select(Tokens const& all);
    [[nodiscard]] bool with(Tokens const& all, std::size_t& at);
    [[nodiscard]] bool relations(Tokens const& from, std::vector<Relation>& found);
    [[nodiscard]] static std::optional<std::string> column(Tokens const& name, std::vector<Relation> const& from, Tokens const& conditions);

    Sources sources_;
};

bool Reader::with(Tokens const& all, std::size_t& at) {
    if (at >= all.size() || !all[at].is("with")) return true;
    do {
        ++at;
        auto const name = at < all.size() ? lowered(all[at].text) : std::string{};
        at = past(all, at + 1, {"as", "not", "materialized"});
        if (at >= all.size() || !all[at].is("(")) return false;  // recursive, or with names of its own
        auto const end = past_parentheses(all, at);
        if (auto source = query(part(all, at + 1, end - 1)))
            sources_.insert_or_assign(name, std::move(*source));
        else
            sources_.erase(name);
        at = end;
    } while (at < all.size() && all[at].is(","));
    return true;
}

std::optional<Source> Reader::query(Tokens const& all) {
    if (!all.empty() && all[0].is("(") && past_parentheses(all, 0) == all.size()) return query(part(all, 1, all.size() - 1));
    auto const outer = sources_;
    std::size_t at = 0;
    auto found = with(all, at) ? arms(all, at) : std::nullopt;
    sources_ = outer;
    return found;
}

// SELECT ... UNION SELECT ...
std::optional<Source> Reader::arms(Tokens const& all, std::size_t at) {
    constexpr std::array sets{"union", "except", "intersect"};
    std::optional<Source> found;
    for (auto first = true; at < all.size(); first = false) {
        auto const end = find_outside(all, at, sets);
        auto arm = all[at].is("(") ? query(part(all, at, end)) : select(part(all, at, end));
        if (!arm || (!first && (!found || arm->whole || found->whole || arm->columns.size() != found->columns.size()))) return std::nullopt;
        if (first) {
            found = std::move(arm);
        } else {
            found->in_order = false;
            for (std::size_t i = 0; i < arm->columns.size(); ++i)
                if (auto& of = found->columns[i].second; of != arm->columns[i].second) of = mixed;
        }
        at = past(all, end, {"union", "except", "intersect", "all", "distinct"});
    }
    return found;
}

bool Reader::relations(Tokens const& from, std::vector<Relation>& found) {
    constexpr std::array joins{"natural", "inner", "left", "right", "full", "outer", "cross", "join", "lateral", "only", ","};
    constexpr std::array conditions{"on", "using"};
    constexpr std::array next{"natural", "inner", "left", "right", "full", "cross", "join", ","};
    for (std::size_t at = 0; at < from.size();) {
        if (is_one_of(from[at], joins)) {
            ++at;
        } else if (is_one_of(from[at], conditions)) {
            at = find_outside(from, at, next);
        } else {
            Relation relation;
            auto end = past_name(from, at);
            if (from[at].is("(")) {
                end = past_parentheses(from, at);
                relation.source = query(part(from, at + 1, end - 1));
            } else if (end == at) {
                return false;
            } else {
                relation.alias = lowered(from[end - 1].text);
                if (end < from.size() && from[end].is("("))
                    end = past_parentheses(from, end);  // a function
                else if (auto const is = sources_.find(relation.alias); is != sources_.end())
                    relation.source = is->second;
            }
            at = past(from, end, {"as"});
            if (at < from.size() && from[at].is_name() && !is_one_of(from[at], joins) && !is_one_of(from[at], conditions))
                relation.alias = lowered(from[at++].text);
            if (at < from.size() && from[at].is("(")) return false;  // names of its own
            found.push_back(std::move(relation));
        }
    }
    return std::any_of(found.begin(), found.end(), [](Relation const& r) { return r.source.has_value(); });
}

std::optional<std::string> Reader::column(Tokens const& name, std::vector<Relation> const& from, Tokens const& conditions) {
    auto const column = lowered(name.back().text);
    if (name.size() > 1) {
        auto const& alias = lowered(name[name.size() - 3].text);
        auto const of = std::find_if(from.begin(), from.end(), [&](Relation const& r) { return r.alias == alias; });
        if (of == from.end()) return std::nullopt;
        if (of->source) return of->source->from(column).value_or("");
        // Another's column may be said to be equal to one of the old row's.
        for (std::size_t at = 3; at + 3 < conditions.size(); ++at) {
            if (!conditions[at].is("=")) continue;
            for (auto const& [ours, theirs] : {std::pair(at - 3, at + 1), std::pair(at + 1, at - 3)}) {
                auto const is = [&](std::size_t begin, Relation const& r) {
                    return conditions[begin + 1].is(".") && same(conditions[begin], r.alias);
                };
                if (!is(theirs, *of) || !same(conditions[theirs + 2], column)) continue;
                for (auto const& relation : from)
                    if (relation.source && is(ours, relation))
                        return relation.source->from(lowered(conditions[ours + 2].text)).value_or("");
            }
        }
        return "";
    }
    for (auto const& relation : from)
        if (auto const of = relation.source ? relation.source->from(column) : std::nullopt) return of;
    return "";
}

std::optional<Source> Reader::select(Tokens const& all) {
    if (all.empty() || !all[0].is("select")) return std::nullopt;
    auto at = past(all, 1, {"distinct", "all"});
    if (at < all.size() && all[at].is("on")) at = past_parentheses(all, at + 1);
    constexpr std::array from_word{"from"};
    constexpr std::array tail{"where", "group", "having", "window", "order", "limit", "offset", "fetch", "for"};
    auto const from_at = find_outside(all, at, from_word);
    auto const from_end = find_outside(all, from_at, tail);
    std::vector<Relation> from;
    if (from_at >= all.size() || !relations(part(all, from_at + 1, from_end), from)) return std::nullopt;
    auto const conditions = part(all, from_at + 1, all.size());
    Source found{.filled = true};
    for (auto const& item : items(part(all, at, from_at))) {
        if (!item.empty() && item.back().is("*")) {
            auto const& source = from[0].source;
            if (from.size() > 1 || !source) return std::nullopt;
            found.whole = found.whole || source->whole;
            found.columns.insert(found.columns.end(), source->columns.begin(), source->columns.end());
            continue;
        }
        auto const read = item_of(item);
        auto const of = read.column.empty() ? std::optional(std::string{}) : column(read.column, from, conditions);
        if (!of) return std::nullopt;
        found.columns.emplace_back(read.name, *of);
    }
    constexpr std::array reorder{"order", "group", "limit", "over", "distinct"};
    found.in_order = from.size() == 1 && from[0].source->in_order &&
                     std::none_of(all.begin(), all.end(), [&](Token const& token) { return is_one_of(token, reorder); });
    return found;
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
void fill(Source& target, std::vector<std::string> const& names, Source const& rows) {
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
            from = mixed;
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
    [[nodiscard]] Source* known(Tokens const& all, std::size_t end);
    [[nodiscard]] std::vector<std::string> columns_of_now() const;

    Table const& now_;
    std::string name_;
    Sources known_;
};

// The one that is named just before this place.
Source* ScriptsTables::known(Tokens const& all, std::size_t end) {
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
    Source made;
    if (as >= all.size()) {
        if (end < all.size() && all[end].is("("))
            for (auto const& name_of : defined(items(part(all, end + 1, past_parentheses(all, end) - 1))))
                made.columns.emplace_back(name_of, "");
    } else if (auto const rows = Reader(known_).query(part(all, as + 1, all.size())); rows && !all[end].is("(")) {
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
    *source = Source{};
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
    auto const rows = Reader(known_).query(query);
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
        if (of == mixed && std::any_of(now_.key.begin(), now_.key.end(), is_it)) return std::nullopt;
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

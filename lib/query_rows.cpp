#include "query_rows.hpp"

#include <algorithm>
#include <array>

namespace undrop {
namespace {

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

}  // namespace

bool QueryReader::with(Tokens const& all, std::size_t& at) {
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

std::optional<RowSource> QueryReader::query(Tokens const& all) {
    if (!all.empty() && all[0].is("(") && past_parentheses(all, 0) == all.size()) return query(part(all, 1, all.size() - 1));
    auto const outer = sources_;
    std::size_t at = 0;
    auto found = with(all, at) ? arms(all, at) : std::nullopt;
    sources_ = outer;
    return found;
}

// SELECT ... UNION SELECT ...
std::optional<RowSource> QueryReader::arms(Tokens const& all, std::size_t at) {
    constexpr std::array sets{"union", "except", "intersect"};
    std::optional<RowSource> found;
    for (auto first = true; at < all.size(); first = false) {
        auto const end = find_outside(all, at, sets);
        auto arm = all[at].is("(") ? query(part(all, at, end)) : select(part(all, at, end));
        if (!arm || (!first && (!found || arm->whole || found->whole || arm->columns.size() != found->columns.size()))) return std::nullopt;
        if (first) {
            found = std::move(arm);
        } else {
            found->in_order = false;
            for (std::size_t i = 0; i < arm->columns.size(); ++i)
                if (auto& of = found->columns[i].second; of != arm->columns[i].second) of = mixed_column;
        }
        at = past(all, end, {"union", "except", "intersect", "all", "distinct"});
    }
    return found;
}

bool QueryReader::relations(Tokens const& from, std::vector<Relation>& found) {
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

std::optional<std::string> QueryReader::column(Tokens const& name, std::vector<Relation> const& from, Tokens const& conditions) {
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

std::optional<RowSource> QueryReader::select(Tokens const& all) {
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
    RowSource found{.filled = true};
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

}  // namespace undrop

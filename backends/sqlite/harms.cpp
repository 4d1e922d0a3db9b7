// What a migration took away from or narrowed for a program that does not know it. SQLite keeps definitions as text, and the text of a
// table that only got columns is the old one with something put in.
#include <algorithm>
#include <optional>
#include <set>

#include "ledger.hpp"
#include "sqlite/dialect.hpp"
#include "sqlite/tokens.hpp"

namespace undrop::sqlite {
namespace {

using Tokens = std::vector<Token>;

bool same_token(Token const& a, Token const& b) { return a.kind == b.kind && a.text == b.text; }

bool is_sign(Token const& token, std::string_view sign) { return token.kind == Token::Kind::other && token.text == sign; }

// Definitions between commas that are in no parentheses.
std::vector<Tokens> parts(Tokens const& all) {
    std::vector<Tokens> found(1);
    int depth = 0;
    for (auto const& token : all) {
        if (is_sign(token, "(")) ++depth;
        if (is_sign(token, ")")) --depth;
        if (depth == 0 && is_sign(token, ","))
            found.emplace_back();
        else
            found.back().push_back(token);
    }
    std::erase_if(found, [](Tokens const& part) { return part.empty(); });
    return found;
}

bool has(Tokens const& part, std::string_view keyword) {
    return std::any_of(part.begin(), part.end(), [&](Token const& token) { return token.is(keyword); });
}

bool is_constraint(Tokens const& part) {
    for (auto const* word : {"constraint", "primary", "unique", "check", "foreign"})
        if (part.front().is(word)) return true;
    return false;
}

// A column that fills itself, and checks nothing but itself.
bool is_harmless_column(Tokens const& part, std::set<std::string> const& older) {
    if (is_constraint(part)) return false;
    auto const not_null = has(part, "not") && has(part, "null") && !has(part, "default") && !has(part, "as");
    if (not_null) return false;
    if (!has(part, "check")) return true;
    return std::none_of(part.begin(), part.end(), [&](Token const& token) { return token.is_name() && older.contains(lower(token.text)); });
}

// The first words of a table's definitions: its columns, and harmless keywords.
std::set<std::string> columns_of(Tokens const& table) {
    auto const open = std::find_if(table.begin(), table.end(), [](Token const& token) { return is_sign(token, "("); });
    std::set<std::string> names;
    if (open == table.end()) return names;
    auto inner = Tokens(open + 1, table.end());
    for (auto const& part : parts(inner))
        if (part.front().is_name()) names.insert(lower(part.front().text));
    return names;
}

// The definitions that one text of a table has and the other has not, where that is the only difference; nothing where it is not.
std::optional<std::vector<Tokens>> added(Tokens const& then, Tokens const& now) {
    if (now.size() < then.size()) return {};
    std::size_t head = 0;
    while (head < then.size() && same_token(then[head], now[head])) ++head;
    std::size_t tail = 0;
    while (tail < then.size() - head && same_token(then[then.size() - 1 - tail], now[now.size() - 1 - tail])) ++tail;
    if (head + tail != then.size()) return {};
    auto const more = Tokens(now.begin() + static_cast<std::ptrdiff_t>(head), now.end() - static_cast<std::ptrdiff_t>(tail));
    if (more.empty()) return std::vector<Tokens>{};
    if (!is_sign(more.front(), ",") && !is_sign(more.back(), ",")) return {};
    return parts(more);
}

// What became of a table that stayed.
std::vector<std::string> harms_of_table(std::string const& name, std::string const& before, std::string const& after) {
    auto const then = tokens(before);
    auto const now = tokens(after);
    auto const older = columns_of(then);
    if (auto const more = added(then, now);
        more && std::all_of(more->begin(), more->end(), [&](Tokens const& part) { return is_harmless_column(part, older); }))
        return {};
    std::vector<std::string> harms;
    if (auto const less = added(now, then); less && std::none_of(less->begin(), less->end(), is_constraint))
        for (auto const& part : *less) harms.push_back("drops column " + name + "." + part.front().text);
    if (harms.empty()) harms.push_back("changes more of table " + name + " than new columns");
    return harms;
}

// The table or view that an index or a trigger hangs on.
ObjectId const* holder(Object const& object) { return object.needs.empty() ? nullptr : &object.needs.front(); }

// Columns that a table has now and did not have before.
std::set<std::string> new_columns(std::vector<Recorded> const& objects, std::string const& table) {
    for (auto const& object : objects) {
        if (object.id.kind != "table" || !same_name(object.id.name, table) || !object.before || !object.after) continue;
        auto names = columns_of(tokens(object.after->make));
        for (auto const& name : columns_of(tokens(object.before->make))) names.erase(name);
        return names;
    }
    return {};
}

// Does a new unique index hold for columns that an older program writes?
bool is_narrowing_index(Recorded const& index, std::vector<Recorded> const& objects) {
    auto const words = tokens(index.after->make);
    if (words.size() < 2 || !words[1].is("unique")) return false;
    auto const* table = holder(*index.after);
    auto const open = std::find_if(words.begin(), words.end(), [](Token const& token) { return is_sign(token, "("); });
    if (!table || open == words.end()) return true;
    auto const fresh = new_columns(objects, table->name);
    auto const definitions = parts(Tokens(open + 1, words.end()));
    return std::any_of(definitions.begin(), definitions.end(),
                       [&](Tokens const& part) { return !part.front().is_name() || !fresh.contains(lower(part.front().text)); });
}

}  // namespace

std::vector<std::string> SqliteDialect::harms(std::vector<Recorded> const& objects) const {
    std::vector<std::string> harms;
    auto const is_new = [&](ObjectId const* id) {
        return id && std::any_of(objects.begin(), objects.end(),
                                 [&](Recorded const& o) { return o.id.kind == id->kind && same_name(o.id.name, id->name) && !o.before; });
    };
    auto const is_gone = [&](ObjectId const* id) {
        return id && std::any_of(objects.begin(), objects.end(),
                                 [&](Recorded const& o) { return o.id.kind == id->kind && same_name(o.id.name, id->name) && !o.after; });
    };
    for (auto const& object : objects) {
        auto const& kind = object.id.kind;
        if (kind == "pragma") continue;
        if (object.before && object.after) {
            if (kind != "table")
                harms.push_back("changes " + object.id.text());
            else
                for (auto& harm : harms_of_table(object.id.name, object.before->make, object.after->make)) harms.push_back(std::move(harm));
        } else if (object.before) {
            auto const words = tokens(object.before->make);
            auto const plain = kind == "index" && words.size() > 1 && !words[1].is("unique");
            if (!plain && !(kind != "table" && is_gone(holder(*object.before)))) harms.push_back("drops " + object.id.text());
        } else if (!is_new(holder(*object.after))) {
            if (kind == "trigger" || (kind == "index" && is_narrowing_index(object, objects))) harms.push_back("adds " + object.id.text());
        }
    }
    return harms;
}

}  // namespace undrop::sqlite

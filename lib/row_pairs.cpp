// RowSides: which old row is which present one, where no key tells.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "row_sides.hpp"
#include "sql_tokens.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// A column that is lost, or of another type, is no part of what such a row is told by on the way back: then they are deleted and inserted.
bool RowSides::follows_whole_rows() const {
    return kept_.size() == old_.values.size() && std::all_of(kept_.begin(), kept_.end(), [&](auto const& pair) {
               return old_.table.column(pair.first)->full_type() == now_.column(pair.second)->full_type();
           });
}

Result<void> RowSides::pair(bool follow, std::int64_t& next_id) {
    UNDROP_CHECK(choose_key());
    if (!follow) return success();
    if (by_key_ && !old_.updated && old_.followed.empty() && old_.told.empty()) {
        UNDROP_TRY(auto const some_gone, any(no_longer_from()));
        if (!some_gone) return success();
        UNDROP_TRY(auto const some_made, any(made()));
        if (!some_made) return success();
    } else if (key_.empty() && !follows_whole_rows()) {
        return success();
    }
    std::string definitions;
    auto const add = [&](std::string name, std::string const& type, std::string expression) {
        definitions += fmt::format(", {} {}", name, type);
        place_names_.push_back(std::move(name));
        places_.push_back(std::move(expression));
    };
    if (!dialect_.row_id(now_, "t").empty() && !dialect_.row_locator(now_).empty())
        add("l", dialect_.row_id_type(now_), dialect_.row_id(now_, "t"));
    else
        for (std::size_t i = 0; i < key_.size(); ++i) add(fmt::format("l{}", i + 1), column_now(key_[i]).stored_type, present(key_[i]));
    if (places_.empty()) return success();
    pairs_ = ledger_.table(names::work_prefix + std::to_string(next_id++));
    UNDROP_CHECK(backend_.run(
        fmt::format("create table {} (n bigint not null primary key{}, unique ({}))", pairs_, definitions, fmt::join(place_names_, ", "))));
    UNDROP_CHECK(backend_.seal(pairs_, &now_));
    if (keys_dealt_out()) return pair_copied();
    if (by_key_ && !old_.told.empty()) return pair_as_told();
    UNDROP_TRY(auto const followed,
               backend_.follow(old_.table, now_, old_.followed.empty() ? old_.store : old_.followed, pairs_, old_.files));
    if (by_key_) {
        if (!followed) {
            UNDROP_TRY(bool const placed, pair_by_place());
            if (placed) return keep_moved_only();
            UNDROP_CHECK(pair_by_unique());
            return pair_by_rest();
        }
        UNDROP_CHECK(keep_moved_only());
        UNDROP_CHECK(pair_moved());
        UNDROP_TRY(auto const moved, any(pairs_));
        return moved ? success() : forget();  // most scripts leave keys alone
    }
    return followed ? success() : pair_by_order();
}

Result<void> RowSides::forget() {
    if (!pairs_.empty()) UNDROP_CHECK(backend_.run("drop table " + pairs_));
    pairs_.clear();
    return success();
}

// A table that was built anew, and got its keys from somewhere else than from the old one's: then they tell nothing.
bool RowSides::keys_dealt_out() const {
    return old_.copied &&
           std::any_of(key_.begin(), key_.end(), [&](auto const& name) { return !old_.copied->same.contains(lowered(name)); });
}

// By what it took over, equal ones in the order in which they lie; but not where the places are those of the new keys.
Result<void> RowSides::pair_copied() {
    std::vector<std::string> columns;
    for (auto const& name : kept_names())
        if (old_.copied->same.contains(lowered(name)) && !is_one_of(key_, name) &&
            old_.table.column(name)->full_type() == column_now(name).full_type())
            columns.push_back(name);
    auto const drawn = std::none_of(key_.begin(), key_.end(), [&](auto const& name) { return old_.copied->given.contains(lowered(name)); });
    auto const places = dialect_.row_places(now_);
    auto const in_order =
        old_.copied->row_by_row && !places.empty() && (dialect_.lasting_ids() || drawn) && !old_.table.partitioned && !now_.partitioned;
    if (columns.empty() && !in_order) return success();
    auto const i_of = [&](bool of_old) { return columns.empty() ? std::string{"''"} : image(columns, of_old); };
    auto const numbered = [&](bool of_old, std::string const& order) {
        return fmt::format("{0} as i, row_number() over (partition by {0} order by {1}) as r, count(*) over (partition by {0}) as c",
                           i_of(of_old), order);
    };
    auto const place_then = in_order ? "o." + places.back().definition.substr(0, places.back().definition.find(' ')) : std::string{"o.n"};
    return pair_equal(fmt::format("select o.n, {} from {} o", numbered(true, place_then), old_.store),
                      fmt::format("select {}, {} from {}", named_places(),
                                  numbered(false, in_order ? places.back().expression : places_.at(0)), from_now()),
                      in_order ? "b.i = a.i and b.r = a.r and b.c = a.c" : "b.i = a.i and a.c = 1 and b.c = 1");
}

// Keys may be drawn anew each time that the script runs; where these are no old ones of other rows, the rest of the row tells.
Result<void> RowSides::pair_as_told() {
    UNDROP_CHECK(pair_equal(fmt::format("select o.n, m.k as i from {} o join {} m on m.i = {}", old_.store, old_.told, image(key_, true)),
                            fmt::format("select {}, {} as i from {}", named_places(), image(key_, false), from_now()), "b.i = a.i"));
    UNDROP_TRY(bool const others,
               any(fmt::format("{} o join {} m on m.i = {} and m.k is not null left join {} p on p.n = o.n join {} on {} "
                               "where p.n is null",
                               old_.store, old_.told, image(key_, true), pairs_, from_now(), is_told("o"))));
    if (others)
        return Error{
            .code = Code::refused,
            .left = Left::rolled_back,
            .message = fmt::format("rows of {} got other keys than in a run on trial just before: the script gives some that are "
                                   "different each time, and others' ones before it",
                                   old_.table.text()),
            .next = {.advice = "let what changes keys and what writes the table anew be statements of their own, in no DO block or "
                               "function"}};
    UNDROP_TRY(bool const drawn,
               any(fmt::format("{} o join {} m on m.i = {} and m.k is not null left join {} p on p.n = o.n where p.n is null", old_.store,
                               old_.told, image(key_, true), pairs_)));
    if (!drawn) return success();
    UNDROP_CHECK(pair_by_unique());
    return pair_by_rest();
}

// The n-th row of a table's old file is the n-th of its new one, if nobody wrote rows: what shows both is the same in each pair then.
Result<bool> RowSides::pair_by_place() {
    auto const places = dialect_.row_places(now_);  // in which file, and where in it
    if (!old_.only_rewritten || !old_.complete || old_.apart || old_.table.id != now_.id || places.size() != 2) return false;
    auto const name_of = [](RowPlace const& place) { return place.definition.substr(0, place.definition.find(' ')); };
    auto const ranked = [](std::string const& file, std::string const& place) {
        return fmt::format("{0} as f, row_number() over (partition by {0} order by {1}) as r", file, place);
    };
    UNDROP_CHECK(
        pair_equal(fmt::format("select o.n, {} from {} o", ranked("o." + name_of(places[0]), "o." + name_of(places[1])), old_.store),
                   fmt::format("select {}, {} from {}", named_places(), ranked(places[0].expression, places[1].expression), from_now()),
                   "b.f = a.f and b.r = a.r"));
    auto const rows = [&](std::string const& from) -> Result<std::int64_t> {
        UNDROP_TRY(auto const counted, backend_.rows("select count(*) from " + from));
        return number_of(counted.at(0).at(0));
    };
    std::vector<std::string> others{"1 = 0"};
    for (auto const& name : kept_names())
        if (!is_one_of(key_, name) && old_.table.column(name)->full_type() == column_now(name).full_type()) others.push_back(differs(name));
    UNDROP_TRY(auto const paired, rows(pairs_));
    UNDROP_TRY(auto const then, rows(old_.store));
    UNDROP_TRY(auto const current, rows(from_now()));
    UNDROP_TRY(auto const other, any(fmt::format("{} o join {} p on p.n = o.n join {} on {} where {}", old_.store, pairs_, from_now(),
                                                 is_paired(), balanced(others, " or "))));
    if (paired == then && paired == current && !other) return true;
    UNDROP_CHECK(backend_.run("delete from " + pairs_));
    return false;
}

// A row that kept its key is told by it.
Result<void> RowSides::keep_moved_only() {
    UNDROP_CHECK(
        backend_.run(fmt::format("delete from {0} where n in (select p.n from {0} p join {1} x on x.n = p.n join {2} on {3} where {4})",
                                 pairs_, old_.store, from_now(), is_paired(), key_join("x"))));
    return success();
}

Result<void> RowSides::pair_equal(std::string const& old_rows, std::string const& now_rows, std::string const& join) {
    UNDROP_CHECK(backend_.run(fmt::format("insert into {} (n, {}) select a.n, b.{} from ({}) a join ({}) b on {}", pairs_,
                                          fmt::join(place_names_, ", "), fmt::join(place_names_, ", b."), old_rows, now_rows, join)));
    return success();
}

std::string RowSides::named_places() const {
    std::vector<std::string> named;
    for (std::size_t i = 0; i < places_.size(); ++i) named.push_back(fmt::format("{} as {}", places_[i], place_names_[i]));
    return fmt::format("{}", fmt::join(named, ", "));
}

// Rows that have no pair yet, by values that tell one on each side; without columns the only one. `then` and `now`: further columns of both
// sides, which `condition` speaks of.
Result<void> RowSides::pair_by(std::vector<std::string> const& columns, std::string const& then, std::string const& now,
                               std::string const& condition) {
    auto const images = [&](bool of_old) {
        return fmt::format("{0} as i, count(*) over (partition by {0}) as c", columns.empty() ? std::string{"''"} : image(columns, of_old));
    };
    return pair_equal(fmt::format("select o.n, {}{} from {}", images(true), then, no_longer_from()),
                      fmt::format("select {}, {}{} from {} where {}", named_places(), images(false), now, from_now(), not_before()),
                      "b.i = a.i and a.c = 1 and b.c = 1" + condition);
}

// A row that an UPDATE moved to another partition is written anew there, and nothing leads to it. It is known by all of it but one column
// of its key, by which it was moved; or, where the step inserted no others, by the rest of its key and what other columns have as often as
// before; or by columns that the script does not name; or by being the only one. Values that came as often as they went tell nothing alone:
// a script may have dealt them out anew.
Result<void> RowSides::pair_moved() {
    auto const places = dialect_.row_places(now_);  // in which partition, and where in it
    if (!old_.may_have_moved || places.size() != 2 || key_.empty()) return success();
    auto const partition_then = "o." + places.front().definition.substr(0, places.front().definition.find(' '));
    auto const& partition_now = places.front().expression;
    auto const without = [](std::vector<std::string> names, std::string const& one) {
        std::erase(names, one);
        return names;
    };
    auto const pair_moved_by = [&](std::vector<std::string> const& columns) {
        return columns.empty()
                   ? success()
                   : pair_by(columns, fmt::format(", {} as p", partition_then), fmt::format(", {} as p", partition_now), " and b.p <> a.p");
    };
    for (auto const& moved_by : key_) UNDROP_CHECK(pair_moved_by(without(kept_names(), moved_by)));
    if (!old_.only_moved) return success();
    UNDROP_TRY(auto const stays, alike(Alike::beside_key));
    for (auto const& moved_by : key_) {
        auto told_by = without(key_, moved_by);
        if (told_by.empty()) continue;
        told_by.insert(told_by.end(), stays.begin(), stays.end());
        UNDROP_CHECK(pair_moved_by(told_by));
    }
    UNDROP_TRY(auto const unnamed, alike(Alike::unnamed));
    UNDROP_CHECK(pair_moved_by(unnamed));
    UNDROP_TRY(auto const columns, alike(Alike::beside_key));
    if (columns.empty()) return success();  // nothing says that it is the same
    UNDROP_TRY(bool const twice, any(fmt::format("(select count(*) as c from {} having count(*) > 1) x", no_longer_from())));
    return twice ? success() : pair_moved_by(columns);
}

// The columns that no row which is still without its pair has in another way: their values went and came as often.
Result<std::vector<std::string>> RowSides::alike(Alike which) {
    std::vector<std::string> found;
    UNDROP_TRY(auto const some, any(no_longer_from()));
    if (!some) return found;
    for (auto const& name : kept_names()) {
        if (which == Alike::beside_key ? is_one_of(key_, name) : !is_one_of(old_.unnamed, name)) continue;
        UNDROP_TRY(auto const others,
                   any(fmt::format("(select x.i from (select {} as i, 1 as c from {} union all select {}, -1 from {} where {}) x "
                                   "group by x.i having sum(x.c) <> 0) y",
                                   image({name}, true), no_longer_from(), image({name}, false), from_now(), not_before())));
        if (!others) found.push_back(name);
    }
    return found;
}

// A table that was built anew was filled from the old one. Where its key is no key of the new one, or of another type, the way back does
// not find the row by what it is now.
bool RowSides::only_keys_went() const {
    if (old_.only_updated) return true;
    if (old_.apart || old_.table.id == now_.id || old_.table.key.size() != now_.key.size()) return false;
    return std::all_of(old_.table.key.begin(), old_.table.key.end(), [&](std::string const& name) {
        auto const* is = now_.column(name_now(name));
        return is && is_one_of(now_.key, is->name) && is->full_type() == old_.table.column(name)->full_type();
    });
}

// Nor can two rows have had a value that is unique on both sides, but where the script may have dealt these out anew.
Result<void> RowSides::pair_by_unique() {
    if (!only_keys_went()) return success();
    for (auto const& columns : old_.table.unique) {
        std::set<std::string> now;
        auto tells = true;
        std::string given_then;
        std::string given_now;
        for (auto const& name : columns) {
            auto const found = name_now(name);
            auto const dealt_out = old_.only_updated && !is_one_of(old_.unnamed, name);
            tells = tells && !found.empty() && !is_one_of(key_, name) && !made_anew(name) && !dealt_out;
            if (!tells) break;
            now.insert(found);
            given_then += fmt::format(" and {} is not null", old_value(name));
            given_now += fmt::format(" and t.{} is not null", dialect_.quote(found));
        }
        tells = tells && std::any_of(now_.unique.begin(), now_.unique.end(),
                                     [&](auto const& unique) { return std::set<std::string>(unique.begin(), unique.end()) == now; });
        if (!tells) continue;
        UNDROP_CHECK(pair_equal(fmt::format("select o.n, {} as i from {}{}", image(columns, true), no_longer_from(), given_then),
                                fmt::format("select {}, {} as i from {} where {}{}", named_places(), image(columns, false), from_now(),
                                            not_before(), given_now),
                                "b.i = a.i"));
    }
    return success();
}

// Where the database does not say which row a row was before its key changed, and rows were only updated, it is known by the rest of the
// row, if that is unchanged and unique, or by columns that the script does not name, or as the only one left; a row deleted and one
// inserted that look alike are two.
Result<void> RowSides::pair_by_rest() {
    auto rest = kept_names();
    std::erase_if(rest, [&](std::string const& name) { return is_one_of(key_, name); });
    if (!only_keys_went()) return success();
    if (!rest.empty()) UNDROP_CHECK(pair_by(rest));
    if (!old_.only_updated) return success();
    UNDROP_TRY(auto const columns, alike(Alike::unnamed));
    if (!columns.empty()) UNDROP_CHECK(pair_by(columns));
    return pair_by({});
}

// Without a key, where rows were only updated, or written anew as many as there were: by the columns that have the same values as before,
// equal ones in the order in which they lie there. Where the key itself was made anew, other numbers of rows do no harm: by all the rest.
Result<void> RowSides::pair_by_order() {
    auto const count = [&](std::string const& from) -> Result<std::int64_t> {
        UNDROP_TRY(auto const rows, backend_.rows("select count(*) from " + from));
        return number_of(rows.at(0).at(0));
    };
    auto const now_rows = fmt::format("{} where {}", from_now(), written_);
    UNDROP_TRY(auto const then, count(old_.store));
    UNDROP_TRY(auto const current, count(now_rows));
    if (then != current && key_.empty()) return success();
    auto rest = kept_names();
    std::erase_if(rest, [&](std::string const& name) { return made_anew(name); });
    std::vector<std::string> alike;
    for (auto const& name : rest) {
        auto const counted = [&](bool of_old) { return fmt::format("{} as i, count(*) as c", image({name}, of_old)); };
        UNDROP_TRY(auto const other,
                   any(fmt::format("(select {} from {} o group by 1) a left join (select {} from {} group by 1) b on b.i = "
                                   "a.i and b.c = a.c where b.i is null",
                                   counted(true), old_.store, counted(false), now_rows)));
        if (!other) alike.push_back(name);
    }
    auto const& columns = then == current ? alike : rest;
    if (columns.empty()) return success();
    auto const numbered = [&](bool of_old, std::string const& order) {
        return fmt::format("{0} as i, row_number() over (partition by {0} order by {1}) as r, count(*) over (partition by {0}) as c",
                           image(columns, of_old), order);
    };
    return pair_equal(fmt::format("select o.n, {} from {} o", numbered(true, "o.n"), old_.store),
                      fmt::format("select {} as l, {} from {}", places_.at(0), numbered(false, places_.at(0)), now_rows),
                      then == current ? "b.i = a.i and b.r = a.r" : "b.i = a.i and b.r = a.r and b.c = a.c");
}

}  // namespace undrop

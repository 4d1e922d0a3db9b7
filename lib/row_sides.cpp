#include "row_sides.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string anded(std::vector<std::string> const& terms) { return terms.empty() ? std::string{"true"} : balanced(terms, " and "); }

}  // namespace

bool is_padded(Column const& column) {
    return !column.stored_type.empty() && (column.type.starts_with("character(") || column.type == "character" || column.type == "bpchar");
}

bool is_one_of(std::vector<std::string> const& names, std::string const& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

RowSides::RowSides(Backend& backend, Ledger const& ledger, OldRowsTable const& old, Table const& now, KeptColumns const& kept,
                   std::string const& written)
    : backend_(backend),
      dialect_(backend.dialect()),
      ledger_(ledger),
      old_(old),
      now_(now),
      kept_(kept),
      written_(written.empty() || old.complete ? "true" : written) {}

std::string RowSides::name_now(std::string const& before) const {
    auto const found = std::find_if(kept_.begin(), kept_.end(), [&](auto const& pair) { return pair.first == before; });
    return found == kept_.end() ? std::string{} : found->second;
}

std::vector<std::string> RowSides::kept_names() const {
    std::vector<std::string> names;
    for (auto const& [before, now] : kept_) names.push_back(before);
    return names;
}

Column const& RowSides::column_now(std::string const& before) const { return *now_.column(name_now(before)); }

std::string RowSides::old_value(std::string const& name, std::string const& alias) const {
    auto const at = std::find(old_.values.begin(), old_.values.end(), name) - old_.values.begin();
    return fmt::format("{}.v{}", alias, at + 1);
}

std::string RowSides::present(std::string const& before) const {
    return dialect_.save(column_now(before), "t." + dialect_.quote(name_now(before)));
}

std::string RowSides::key_join(std::string const& old_alias) const {
    std::vector<std::string> terms;
    for (auto const& name : key_) {
        auto const& now = column_now(name);
        auto const then = old_value(name, old_alias);
        auto const& before = *old_.table.column(name);
        if (before.full_type() == now.full_type())
            terms.push_back(dialect_.equal(now, "t." + dialect_.quote(now.name), then));
        else if (before.stored_type == now.stored_type && (is_padded(before) || is_padded(now)))
            terms.push_back(fmt::format("rtrim({}) = rtrim({})", then, present(name)));
        else if (before.stored_type == now.stored_type)
            terms.push_back(fmt::format("{} = {}", then, present(name)));
        else
            terms.push_back(fmt::format("{} = {}", dialect_.image({then}), dialect_.image({present(name)})));
    }
    return anded(terms);
}

// Of the same type: byte by byte. Of another, or where the type may not take the old text any more: whether the saved texts differ.
std::string RowSides::differs(std::string const& name) const {
    auto const& before = *old_.table.column(name);
    auto const& now = column_now(name);
    if (before.full_type() != now.full_type() || before.as_text)
        return fmt::format("({} <> {})", dialect_.image({old_value(name)}), dialect_.image({present(name)}));
    return fmt::format("not {}", dialect_.same(now, "t." + dialect_.quote(now.name), dialect_.load(before, old_value(name))));
}

std::string RowSides::image(std::vector<std::string> const& columns, bool of_old) const {
    std::vector<std::string> saved;
    for (auto const& name : columns) saved.push_back(of_old ? old_value(name) : present(name));
    return dialect_.image(saved);
}

std::string RowSides::is_paired() const {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < places_.size(); ++i) terms.push_back(fmt::format("p.{} = {}", place_names_[i], places_[i]));
    return anded(terms);
}

std::string RowSides::is_known(std::string const& old_alias) const {
    return fmt::format("exists (select 1 from {} p where p.n = {}.n)", pairs_, old_alias);
}

// A key that an UPDATE took from one row may be another row's by now.
std::string RowSides::is_told(std::string const& old_alias) const {
    if (!by_key_) return "1 = 0";
    if (pairs_.empty()) return key_join(old_alias);
    return fmt::format("{} and not {} and not exists (select 1 from {} p where {})", key_join(old_alias), is_known(old_alias), pairs_,
                       is_paired());
}

// Dropped and added again: what it holds now has nothing to do with what it held.
bool RowSides::made_anew(std::string const& column) const {
    return !old_.apart && old_.table.id == now_.id && !now_.column_by_id(old_.table.column(column)->id);
}

// Without an index on the key, as after a script that dropped it, a join is still one pass.
std::string RowSides::no_longer_from() const {
    auto from = fmt::format("{0} o left join (select x.n from {0} x join {1} on {2}) j on j.n = o.n", old_.store, from_now(), is_told("x"));
    if (!pairs_.empty()) from += fmt::format(" left join {} p on p.n = o.n", pairs_);
    return from + (pairs_.empty() ? " where j.n is null" : " where j.n is null and p.n is null");
}

std::string RowSides::not_before() const {
    auto made = written_;
    if (by_key_)
        made += fmt::format(" and not exists (select 1 from {} o where {}{})", old_.store, key_join(),
                            pairs_.empty() ? "" : " and not " + is_known("o"));
    if (!pairs_.empty()) made += fmt::format(" and not exists (select 1 from {} p where {})", pairs_, is_paired());
    return made;
}

std::vector<std::string> RowSides::same() const {
    std::vector<std::string> from;
    if (by_key_) from.push_back(fmt::format("{} o join {} on {}", old_.store, from_now(), is_told("o")));
    if (!pairs_.empty())
        from.push_back(fmt::format("{} o join {} p on p.n = o.n join {} on {}", old_.store, pairs_, from_now(), is_paired()));
    return from;
}

std::string RowSides::unpaired() const {
    return pairs_.empty() ? old_.store + " o" : fmt::format("{} o left join {} p on p.n = o.n where p.n is null", old_.store, pairs_);
}

// Without a key, as many of equal ones as are missing.
std::string RowSides::gone() const {
    if (!key_.empty()) return no_longer_from();
    return fmt::format(
        "(select o.*, {0} as i, row_number() over (partition by {0} order by o.n) as r from {1}) o "
        "left join (select {2} as i, count(*) as c from {3} where {4} group by 1) b on b.i = o.i where o.r > coalesce(b.c, 0)",
        image(kept_names(), true), unpaired(), image(kept_names(), false), from_now(), not_before());
}

std::string RowSides::made() const {
    if (!key_.empty()) return fmt::format("{} where {}", from_now(), not_before());
    return fmt::format(
        "(select t.*, {0} as undrop_i, row_number() over (partition by {0}) as undrop_r from {1} where {2}) t left join "
        "(select {3} as i, count(*) as c from {4} group by 1) b on b.i = t.undrop_i where t.undrop_r > coalesce(b.c, 0)",
        image(kept_names(), false), from_now(), not_before(), image(kept_names(), true), unpaired());
}

Result<bool> RowSides::any(std::string const& from) const {
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select 1 from {} limit 1", from)));
    return !rows.empty();
}

// The key tells rows apart where it did before and does now: by an index, or, where the script dropped that, by what the rows are.
Result<void> RowSides::choose_key() {
    std::set<std::string> now;
    for (auto const& name : old_.table.key) {
        auto const found = name_now(name);
        if (found.empty()) return success();
        now.insert(found);
    }
    if (now.empty()) return success();
    auto const tells = [&](std::vector<std::string> const& unique) { return std::set<std::string>(unique.begin(), unique.end()) == now; };
    if (!tells(now_.key) && std::none_of(now_.unique.begin(), now_.unique.end(), tells)) {
        std::vector<std::string> missing;
        for (auto const& name : now) missing.push_back(fmt::format("t.{} is null", dialect_.quote(name)));
        UNDROP_TRY(auto const nulls, any(fmt::format("{} where {}", from_now(), balanced(missing, " or "))));
        if (nulls) return success();
        // As the join takes them for equal: 3 and 3.0 are other bytes.
        std::vector<std::string> values;
        for (auto const& name : old_.table.key) {
            auto const& column = column_now(name);
            auto const& then = *old_.table.column(name);
            values.push_back(then.full_type() == column.full_type()   ? "t." + dialect_.quote(column.name)
                             : then.stored_type == column.stored_type ? present(name)
                                                                      : image({name}, false));
        }
        UNDROP_TRY(auto const twice, any(fmt::format("{} group by {} having count(*) > 1", from_now(), fmt::join(values, ", "))));
        if (twice) return success();
    }
    key_ = old_.table.key;
    by_key_ = !keys_dealt_out() && std::none_of(key_.begin(), key_.end(), [&](std::string const& name) { return made_anew(name); });
    return success();
}

}  // namespace undrop

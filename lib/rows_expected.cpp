#include "rows_expected.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace undrop {

std::string Side::value(Dialect const& dialect, std::string const& name) const {
    if (now) return dialect.save(*now->column(name), alias + "." + dialect.quote(name));
    auto const place = std::find(copy->columns.begin(), copy->columns.end(), name) - copy->columns.begin();
    return fmt::format("{}.v{}", alias, place + 1);
}

std::string Side::image(Dialect const& dialect, std::vector<std::string> const& names) const {
    std::vector<std::string> values;
    for (auto const& name : names) values.push_back(value(dialect, name));
    return dialect.image(values);
}

namespace {

// Types whose values are written alike; empty: others.
std::string family_of(std::string const& type) {
    auto const name = type.substr(0, type.find('('));
    if (name == "smallint" || name == "integer" || name == "bigint") return "integers";
    if (name == "text" || name == "character varying") return "texts";
    return {};
}

}  // namespace

Expected::Expected(Dialect const& dialect, Sides const& sides, bool scripted, bool computes) : dialect_(dialect), key_(sides.now.key) {
    auto const& [before, after, written, now, renamed, other_types] = sides;
    for (auto const& name : before.columns) {
        auto const* there = now.column(name);
        if (!there || there->generated || std::find(key_.begin(), key_.end(), name) != key_.end()) continue;
        auto const other = renamed.find(name);
        auto const& name_after = other == renamed.end() ? name : other->second;
        auto const* left = after.table.column(name_after);
        auto const is_left = left && written.table.column(name_after) && !other_types.contains(name);
        auto const& type = before.table.column(name)->type;
        auto const stays = is_left && left->type == type;
        auto const as_texts = is_left && !stays && !family_of(type).empty() && family_of(type) == family_of(left->type);
        if (!stays && !as_texts && computes) continue;
        names_.push_back({name, name_after, stays, as_texts});
    }
    std::vector<std::string> edited;
    std::vector<std::string> added;
    for (auto const& name : after.columns) {
        if (!written.table.column(name)) continue;
        edited.push_back(name);
        auto const was_there =
            before.table.column(name) || std::any_of(renamed.begin(), renamed.end(), [&](auto const& r) { return r.second == name; });
        if (scripted && !was_there) added.push_back(name);
    }
    auto const copy = [](State::Rows const& rows) { return Side{rows.store + " as s", "s", &rows, nullptr}; };
    find_rows();
    find_values(scripted);
    sql_ = fmt::format("with b as materialized ({}), a as materialized ({}), w as materialized ({}), t as materialized ({}) select {}",
                       rows_of(copy(before), &Name::before, {}, {}), rows_of(copy(after), &Name::after, edited, added),
                       rows_of(copy(written), &Name::after, edited, added),
                       rows_of({dialect.own_rows(now) + " as s", "s", nullptr, &now}, &Name::before, {}, {}), fmt::join(counts_, ", "));
}

void Expected::add(std::string const& from, std::string const& condition, std::string what) {
    counts_.push_back(fmt::format("(select count(*) from {} where {})", from, condition));
    what_.push_back(std::move(what));
}

void Expected::find_rows() {
    add("t", "t.k in (select k from a) and t.k not in (select k from w)", "rows deleted after the up are there again");
    add("w", "w.k not in (select k from a) and w.k not in (select k from t)", "rows inserted after the up are gone");
    add("b", "not (b.k in (select k from a) and b.k not in (select k from w)) and b.k not in (select k from t)",
        "rows of before the up are gone");
    // What the up itself had inserted may stay where the application wrote to it.
    add("t",
        "t.k not in (select k from b) and not (t.k in (select k from w) and t.k not in (select k from a)) and "
        "t.k not in (select w.k from w join a on a.k = w.k where a.e <> w.e)",
        "rows that nobody inserted are there");
}

void Expected::find_values(bool scripted) {
    std::string const all = "b join t on t.k = b.k join a on a.k = b.k join w on w.k = b.k";
    for (std::size_t i = 0; i < names_.size(); ++i) {
        auto const& name = names_[i];
        auto const c = fmt::format("c{}", i + 1);
        if (name.stays) {
            // Where the up changed values, a script may change a new row's and a new value as well.
            add("t join w on w.k = t.k",
                fmt::format("w.k not in (select k from a) and t.{0} <> w.{0}{1}", c,
                            scripted ? fmt::format(" and not exists (select 1 from b join a on a.k = b.k where a.{0} <> b.{0})", c) : ""),
                "rows inserted after the up have another " + name.before);
            add(all,
                fmt::format("a.{0} <> w.{0} and a.n = w.n and t.{0} <> w.{0}{1}", c, scripted ? fmt::format(" and b.{0} = a.{0}", c) : ""),
                fmt::format("values written to {} after the up are lost", name.after));
        }
        if (name.as_texts)
            add(all,
                fmt::format("a.d{0} <> w.d{0} and a.n = w.n and t.d{0} <> w.d{0}{1}", i + 1,
                            scripted ? fmt::format(" and b.d{0} = a.d{0}", i + 1) : ""),
                fmt::format("values written to {} after the up are lost", name.after));
        auto const same = name.stays ? fmt::format("a.{0} = w.{0} and a.n = w.n", c) : std::string("a.e = w.e");
        add(all, fmt::format("{1} and b.{0} <> t.{0}", c, same), fmt::format("values of {} are others than before the up", name.before));
    }
}

// k: the key; e: all that an application could write; n: what it wrote to columns that the up added, from which a script may compute.
std::string Expected::rows_of(Side const& side, std::string Name::*name, std::vector<std::string> const& edited,
                              std::vector<std::string> const& added) const {
    auto const image = [&](std::vector<std::string> const& names) { return names.empty() ? "''" : side.image(dialect_, names); };
    std::vector<std::string> values{side.image(dialect_, key_) + " as k", image(edited) + " as e", image(added) + " as n"};
    for (std::size_t i = 0; i < names_.size(); ++i) {
        auto const there = side.table().column(names_[i].*name) != nullptr;
        values.push_back(fmt::format("{} as c{}", there ? side.image(dialect_, {names_[i].*name}) : "''", i + 1));
        if (names_[i].as_texts)
            values.push_back(fmt::format("coalesce(cast({} as text), '') as d{}", side.value(dialect_, names_[i].*name), i + 1));
    }
    return fmt::format("select {} from {}", fmt::join(values, ", "), side.from);
}

}  // namespace undrop

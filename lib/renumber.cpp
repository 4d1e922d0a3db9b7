#include "renumber.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <map>

#include "aside.hpp"
#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
// Pairs that are compared by a digest each.
constexpr std::int64_t most_pairs = 1'000'000;

// A saved value by which rows refer to the table: the snapshot, and its place in `values`.
struct SavedReference {
    Snapshot* in;
    std::size_t place;
};

std::string value_of(SavedReference const& r) { return fmt::format("v{}", r.place + 1); }

std::vector<SavedReference> references_in(std::vector<Snapshot>& all, DrawnTable const& table) {
    std::vector<SavedReference> found;
    for (auto& s : all)
        for (auto const& reference : table.references) {
            if (reference.parents_columns != table.now.key || s.purged() || s.store.empty()) continue;
            if (reference.schema != s.table.schema || reference.child != s.table.name) continue;
            auto const at = std::find(s.values.begin(), s.values.end(), reference.columns.front());
            if (at != s.values.end()) found.push_back({&s, static_cast<std::size_t>(at - s.values.begin())});
        }
    return found;
}

class Renumbering {
public:
    Renumbering(Backend& backend, Ledger const& ledger, Snapshot& s, DrawnTable const& table, std::vector<SavedReference> references,
                std::vector<std::string>& made, std::int64_t& next_id)
        : backend_(backend),
          dialect_(backend.dialect()),
          ledger_(ledger),
          s_(s),
          table_(table),
          references_(std::move(references)),
          made_(made),
          next_id_(next_id),
          key_("t." + dialect_.quote(table.now.key.front())),
          key_now_(dialect_.save(*table.now.column(table.now.key.front()), key_)),
          rows_(dialect_.own_rows(table.now)) {}

    Result<Renumbered> run();

private:
    [[nodiscard]] std::string store() const { return ledger_.table(s_.store); }
    [[nodiscard]] std::string unknown(char const* s = "s") const {
        return fmt::format("not exists (select 1 from {} as m where m.o = {}.k1)", keys_, s);
    }
    [[nodiscard]] std::string free() const { return fmt::format("not exists (select 1 from {} as m where m.n = {})", keys_, key_now_); }
    [[nodiscard]] Result<std::int64_t> add(std::string const& how, std::string const& query) {
        return backend_.run(fmt::format("insert into {} (o, n, how) select o, n, '{}' from ({}) as f", keys_, how, query));
    }
    [[nodiscard]] Result<void> lay_out();
    [[nodiscard]] Result<void> match_content();
    [[nodiscard]] Result<void> match_base();
    [[nodiscard]] Result<void> match_unique();
    [[nodiscard]] std::string is_wanted() const;
    [[nodiscard]] Result<void> number_others();
    [[nodiscard]] Result<void> count(Renumbered& done);
    [[nodiscard]] Result<void> copy(Snapshot& s, std::map<std::string, std::string> const& expressions, std::string const& from);
    [[nodiscard]] Result<void> call_by_present_keys();

    Backend& backend_;
    Dialect const& dialect_;
    Ledger const& ledger_;
    Snapshot& s_;
    DrawnTable const& table_;
    std::vector<SavedReference> references_;
    std::vector<std::string>& made_;
    std::int64_t& next_id_;
    std::string key_;
    std::string key_now_;  // saved
    std::string rows_;
    std::string keys_;
    std::string then_;     // image of a saved row without its key
    std::string present_;  // and of a present one
};

Result<void> Renumbering::lay_out() {
    std::vector<std::string> then;
    std::vector<std::string> present;
    for (auto const& [name, number] : common_columns(s_, table_.now)) {
        if (name == table_.now.key.front()) continue;
        then.push_back(fmt::format("s.v{}", number));
        present.push_back(dialect_.save(*table_.now.column(name), "t." + dialect_.quote(name)));
    }
    then_ = dialect_.image(then);
    present_ = dialect_.image(present);
    auto const type = table_.now.column(table_.now.key.front())->stored_type;
    keys_ = ledger_.table(names::work_prefix + std::to_string(next_id_++));
    UNDROP_CHECK(backend_.run(fmt::format("create table {} (o {} primary key, n {} unique, how text not null)", keys_, type, type)));
    UNDROP_CHECK(backend_.seal(keys_, &table_.now));
    made_.push_back(keys_);
    return success();
}

// Rows that are as they were: under their own number, else under another one; of equal ones in the order of their numbers.
Result<void> Renumbering::match_content() {
    UNDROP_CHECK(add("same", fmt::format("select s.k1 as o, s.k1 as n from {} as s join {} as t on {} where {} = {}", store(), rows_,
                                         key_join(dialect_, s_, table_.now), then_, present_)));
    if (table_.base)
        UNDROP_CHECK(add("same", fmt::format("select s.k1 as o, s.k1 as n from {} as s join {} as t on {} join {} as f on f.k = {} where "
                                             "f.h = {} and {}",
                                             store(), rows_, key_join(dialect_, s_, table_.now), ledger_.table(table_.base->store),
                                             identity(dialect_, table_.now, "t"),
                                             digest_of(dialect_, table_.now, plain_columns(table_.now), "t"), unknown())));
    UNDROP_CHECK(add("moved", fmt::format("select s.k as o, t.k as n from (select s.k1 as k, {0} as i, row_number() over (partition by {0} "
                                          "order by s.k1) as r from {1} as s where s.state = 'm' and {2}) as s join (select {3} as k, {4} "
                                          "as i, row_number() over (partition by {4} order by {5}) as r from {6} as t where {7}) as t on "
                                          "t.i = s.i and t.r = s.r",
                                          then_, store(), unknown(), key_now_, present_, key_, rows_, free())));
    return success();
}

// Rows that users changed since, by what the script had made them: of that there is a digest, which has the number in it.
Result<void> Renumbering::match_base() {
    if (!table_.base) return success();
    UNDROP_TRY(auto const counts,
               backend_.rows(fmt::format("select (select count(*) from {} as s where s.state = 'u' and {}), (select count(*) from {} as t "
                                         "where {})",
                                         store(), unknown(), rows_, free())));
    auto const left = number_of(counts.at(0).at(0));
    auto const right = number_of(counts.at(0).at(1));
    if (left == 0 || right == 0 || left > most_pairs / right) return success();
    std::vector<std::string> values;
    for (auto const& name : plain_columns(table_.now))
        values.push_back(name == table_.now.key.front() ? "s.k1" : dialect_.save(*table_.now.column(name), "t." + dialect_.quote(name)));
    auto const pairs = ledger_.table(names::work_prefix + std::to_string(next_id_++));
    UNDROP_CHECK(
        backend_.run(fmt::format("create table {} as select s.k1 as o, {} as n from {} as s join {} as f on f.k = {} join {} as t "
                                 "on {} = f.h where s.state = 'u' and {} and {}",
                                 pairs, key_now_, store(), ledger_.table(table_.base->store), dialect_.image({"s.k1"}), rows_,
                                 dialect_.digest(dialect_.image(values)), unknown(), free())));
    UNDROP_CHECK(backend_.seal(pairs, &table_.now));
    UNDROP_CHECK(add("moved", fmt::format("select p.o, p.n from {0} as p where p.o in (select q.o from {0} as q group by q.o having "
                                          "count(*) = 1) and p.n in (select q.n from {0} as q group by q.n having count(*) = 1)",
                                          pairs)));
    UNDROP_CHECK(backend_.run("drop table " + pairs));
    return success();
}

// Two rows could not have the value, so who has it is the same row.
Result<void> Renumbering::match_unique() {
    for (auto const& columns : table_.now.unique) {
        std::vector<std::string> terms;
        for (auto const& name : columns) {
            auto const at = std::find(s_.values.begin(), s_.values.end(), name);
            if (at == s_.values.end() || name == table_.now.key.front()) break;
            terms.push_back(
                dialect_.equal(*table_.now.column(name), "t." + dialect_.quote(name), fmt::format("s.v{}", at - s_.values.begin() + 1)));
        }
        if (terms.empty() || terms.size() != columns.size()) continue;
        UNDROP_CHECK(add("moved", fmt::format("select s.k1 as o, {} as n from {} as s join {} as t on {} where {} and {}", key_now_,
                                              store(), rows_, balanced(terms, " and "), unknown(), free())));
    }
    return success();
}

// Condition on s: a user's row, or one that users' rows refer to.
std::string Renumbering::is_wanted() const {
    auto condition = std::string("s.state = 'u'");
    for (auto const& r : references_) {
        auto const users =
            r.in->kind == Snapshot::Kind::updated ? fmt::format("substr(c.state, {}, 1) = 'u'", r.place + 1) : std::string("c.state = 'u'");
        condition += fmt::format(" or s.k1 in (select c.{} from {} as c where {})", value_of(r), ledger_.table(r.in->store), users);
    }
    return "(" + condition + ")";
}

Result<void> Renumbering::number_others() {
    auto const wanted = fmt::format("{} as s where {} and {}", store(), unknown(), is_wanted());
    UNDROP_CHECK(add("own", fmt::format("select s.k1 as o, s.k1 as n from {} and not exists (select 1 from {} as t where {})", wanted,
                                        rows_, key_join(dialect_, s_, table_.now))));
    auto const greatest = fmt::format("(select max(x) from (select {} as x from {} as t union all select s.k1 as x from {} as s) as g)",
                                      key_now_, rows_, store());
    auto const next = table_.next.empty() ? fmt::format("{} + row_number() over (order by s.k1)", greatest) : table_.next;
    UNDROP_CHECK(add("other", fmt::format("select s.k1 as o, {} as n from {}", next, wanted)));
    UNDROP_CHECK(
        add("gone", fmt::format("select s.k1 as o, case when 1 = 0 then s.k1 end as n from {} as s where {}", store(), unknown())));
    return success();
}

Result<void> Renumbering::count(Renumbered& done) {
    auto const sum = [](std::string const& condition) {
        return fmt::format("coalesce(sum(case when {} then 1 else 0 end), 0)", condition);
    };
    UNDROP_TRY(auto const rows,
               backend_.rows(fmt::format("select {}, {}, {}, {} from {} as m join {} as s on s.k1 = m.o", sum("m.o <> m.n"),
                                         sum("m.how = 'other' and s.state = 'u'"), sum("m.how in ('own', 'other') and s.state = 'm'"),
                                         sum("m.how = 'gone'"), keys_, store())));
    auto const& row = rows.at(0);
    done.others = number_of(row.at(1));
    done.returned = number_of(row.at(2));
    done.gone = number_of(row.at(3));
    if (number_of(row.at(0)) + done.returned > 0) done.keys = keys_;
    return success();
}

Result<void> Renumbering::copy(Snapshot& s, std::map<std::string, std::string> const& expressions, std::string const& from) {
    UNDROP_TRY(auto const columns, backend_.columns_of(ledger_.table(s.store)));
    auto const name = names::work_prefix + std::to_string(next_id_++);
    StoreTable made(ledger_.table(name));
    for (auto const& column : columns) {
        auto const found = expressions.find(column.name);
        auto const value = found == expressions.end() ? "s." + column.name : found->second;
        auto const identifies = s.keyed() ? column.name.starts_with('k') : column.name == "n";
        if (identifies)
            made.add_key(column.name, column.type, value);
        else
            made.add(column.name, column.type, value);
    }
    UNDROP_CHECK(made.make(backend_, s.table));
    UNDROP_TRY(s.rows, made.fill(backend_, from));
    made_.push_back(made.name());
    s.store = name;
    return success();
}

// The keys of the rows themselves, and what refers to them.
Result<void> Renumbering::call_by_present_keys() {
    auto const place = std::find(s_.values.begin(), s_.values.end(), table_.now.key.front()) - s_.values.begin() + 1;
    UNDROP_CHECK(copy(
        s_, {{"k1", "m.n"}, {fmt::format("v{}", place), "m.n"}, {"state", "case when m.how in ('own', 'other') then 'u' else s.state end"}},
        fmt::format("{} as s join {} as m on m.o = s.k1 where m.n is not null", store(), keys_)));
    for (auto const& r : references_) {
        std::map<std::string, std::string> expressions;
        auto const present = [&](std::string const& value) {
            return fmt::format("coalesce((select m.n from {} as m where m.o = s.{}), s.{})", keys_, value, value);
        };
        expressions[value_of(r)] = present(value_of(r));
        auto const& key = r.in->table.key;
        auto const in_key = std::find(key.begin(), key.end(), r.in->values[r.place]);
        if (in_key != key.end() && r.in->kind != Snapshot::Kind::updated) {
            auto const name = fmt::format("k{}", in_key - key.begin() + 1);
            expressions[name] = present(name);
        }
        UNDROP_CHECK(copy(*r.in, expressions, ledger_.table(r.in->store) + " as s"));
    }
    return success();
}

Result<Renumbered> Renumbering::run() {
    Renumbered done{.snapshot = s_.id};
    UNDROP_CHECK(lay_out());
    UNDROP_CHECK(match_content());
    UNDROP_CHECK(match_base());
    UNDROP_CHECK(match_unique());
    UNDROP_CHECK(number_others());
    UNDROP_CHECK(count(done));
    if (!done.keys.empty()) UNDROP_CHECK(call_by_present_keys());
    return done;
}

}  // namespace

Result<Renumbered> renumber(Backend& backend, Ledger const& ledger, Snapshot& snapshot, DrawnTable const& table, std::vector<Snapshot>& all,
                            std::vector<std::string>& made, std::int64_t& next_id) {
    return Renumbering(backend, ledger, snapshot, table, references_in(all, table), made, next_id).run();
}

Result<void> note_as_saved(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Renumbered const& renumbered,
                           std::int64_t& next_id) {
    Aside aside(backend, ledger, snapshot);
    UNDROP_TRY(bool const there, aside.is_there());
    if (!there) return success();
    auto const work = ledger.table(names::work_prefix + std::to_string(next_id++));
    UNDROP_CHECK(backend.run(
        fmt::format("create table {} as select coalesce(m.o, a.k1) as k1, a.cell, a.why from {} as a left join {} as m on m.n = a.k1", work,
                    aside.table(), renumbered.keys)));
    UNDROP_CHECK(backend.seal(work, &snapshot.table));
    UNDROP_CHECK(backend.run("delete from " + aside.table()));
    UNDROP_CHECK(backend.run(fmt::format("insert into {} (k1, cell, why) select k1, cell, why from {}", aside.table(), work)));
    UNDROP_CHECK(backend.run("drop table " + work));
    return success();
}

}  // namespace undrop

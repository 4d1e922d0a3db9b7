#include "row_match.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "names.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// The snapshot (alias s), the table (t), what this step's script changed (p), and the table's rows as they were before that (x).
class Matching {
public:
    Matching(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, Snapshot const* own)
        : backend_(backend), dialect_(backend.dialect()), ledger_(ledger), s_(s), now_(now), own_(own) {
        for (std::size_t i = 0; i < s.values.size(); ++i) {
            auto const* column = now.column(s.values[i]);
            if (column && !column->generated && (!own || number_in(*own, column->name) > 0)) columns_.push_back({column, i + 1});
        }
        for (auto const& each : columns_)
            if (std::find(s.told_by.begin(), s.told_by.end(), each.column->name) != s.told_by.end()) told_by_.push_back(each);
    }

    Result<std::string> run(std::int64_t& next_id);

private:
    struct Each {
        Column const* column;
        std::size_t number;  // in the snapshot
    };

    static std::size_t number_in(Snapshot const& s, std::string const& name) {
        auto const found = std::find(s.values.begin(), s.values.end(), name);
        return found == s.values.end() ? 0 : static_cast<std::size_t>(found - s.values.begin()) + 1;
    }
    [[nodiscard]] std::string left_image(std::vector<Each> const& columns) const;            // over s
    [[nodiscard]] std::string present_image(std::vector<Each> const& columns) const;         // over t
    [[nodiscard]] std::string own_image(std::vector<Each> const& columns, char side) const;  // over p
    [[nodiscard]] std::string same_number() const;                                           // condition on s, t and p
    [[nodiscard]] std::string unmatched(std::string const& alias, std::string const& column) const;

    [[nodiscard]] Result<void> lay_out(std::int64_t& next_id);
    [[nodiscard]] Result<void> add(std::string const& from);

    Backend& backend_;
    Dialect const& dialect_;
    Ledger const& ledger_;
    Snapshot const& s_;
    Table const& now_;
    Snapshot const* own_;
    std::vector<Each> columns_;
    std::vector<Each> told_by_;
    std::string rows_;     // working table of l, i, u, o: the table's rows and their images, as they were before the script
    std::string matched_;  // working table of n, l, o
};

std::string Matching::left_image(std::vector<Each> const& columns) const {
    std::vector<std::string> saved;
    for (auto const& each : columns) saved.push_back(fmt::format("s.w{}", each.number));
    return dialect_.image(saved);
}

std::string Matching::present_image(std::vector<Each> const& columns) const {
    std::vector<std::string> saved;
    for (auto const& each : columns) saved.push_back(dialect_.save(*each.column, "t." + dialect_.quote(each.column->name)));
    return dialect_.image(saved);
}

std::string Matching::own_image(std::vector<Each> const& columns, char side) const {
    std::vector<std::string> saved;
    for (auto const& each : columns) saved.push_back(fmt::format("p.{}{}", side, number_in(*own_, each.column->name)));
    return dialect_.image(saved);
}

std::string Matching::unmatched(std::string const& alias, std::string const& column) const {
    return fmt::format("not exists (select 1 from {0} m where m.{2} = {1}.{2})", matched_, alias, column);
}

// A number may be another row's by now: what the step did not change must agree, and there must be something of that.
std::string Matching::same_number() const {
    std::vector<std::string> agree;
    std::vector<std::string> untouched;
    for (auto const& [column, number] : columns_) {
        auto const before = dialect_.load(*column, fmt::format("s.v{}", number));
        auto const left = dialect_.load(*column, fmt::format("s.w{}", number));
        auto present = "t." + dialect_.quote(column->name);
        if (own_)
            present = fmt::format("case when p.n is null then {} else {} end", present,
                                  dialect_.load(*column, fmt::format("p.v{}", number_in(*own_, column->name))));
        untouched.push_back(dialect_.same(*column, before, left));
        agree.push_back(fmt::format("(not {} or {})", untouched.back(), dialect_.same(*column, present, left)));
    }
    return fmt::format("{} and ({})", balanced(agree, " and "), balanced(untouched, " or "));
}

Result<void> Matching::lay_out(std::int64_t& next_id) {
    auto const told = [&](std::string const& image) { return told_by_.empty() ? std::string{"null"} : image; };
    StoreTable rows(ledger_.table(names::work_prefix + std::to_string(next_id++)));
    auto from = fmt::format("(select {0} as l, {1} as i, {2} as u, row_number() over (partition by {1} order by {0}) as r from {3} as t) y",
                            dialect_.row_id(now_, "t"), present_image(columns_), told(present_image(told_by_)), dialect_.own_rows(now_));
    if (own_)
        from += fmt::format(
            " left join (select p.n, {0} as i, {1} as b, {2} as u, row_number() over (partition by {0} order by p.n) as r from {3} p) z "
            "on z.i = y.i and z.r = y.r",
            own_image(columns_, 'w'), own_image(columns_, 'v'), told(own_image(told_by_, 'v')), ledger_.table(own_->store));
    auto const before = [&](char const* of_own, char const* present) {
        return own_ ? fmt::format("case when z.n is null then {} else {} end", present, of_own) : std::string(present);
    };
    rows.add_key("l", dialect_.row_id_type(now_), "y.l");
    rows.add("i", "text", before("z.b", "y.i"));
    rows.add("u", "text", before("z.u", "y.u"));
    rows.add("o", "bigint", own_ ? "z.n" : "null");
    UNDROP_CHECK(rows.make(backend_, now_));
    UNDROP_CHECK(rows.fill(backend_, from));
    rows_ = rows.name();
    matched_ = ledger_.table(names::work_prefix + std::to_string(next_id++));
    UNDROP_CHECK(backend_.run(fmt::format("create table {} (n bigint not null primary key, l {} not null unique, o bigint)", matched_,
                                          dialect_.row_id_type(now_))));
    return backend_.seal(matched_, &now_);
}

Result<void> Matching::add(std::string const& from) {
    UNDROP_CHECK(backend_.run(fmt::format("insert into {} (n, l, o) select s.n, x.l, x.o from {}", matched_, from)));
    return success();
}

Result<std::string> Matching::run(std::int64_t& next_id) {
    UNDROP_CHECK(lay_out(next_id));
    auto const store = ledger_.table(s_.store);
    auto const numbered = s_.numbered && !dialect_.lasting_row_id(now_, "t").empty();
    auto const left = left_image(columns_);
    if (numbered) UNDROP_CHECK(add(fmt::format("{} s join {} x on x.l = s.r where x.i = {}", store, rows_, left)));
    UNDROP_CHECK(add(fmt::format(
        "(select s.n, {0} as i, row_number() over (partition by {0} order by s.n) as r from {1} s where {2}) s join "
        "(select x.l, x.o, x.i, row_number() over (partition by x.i order by x.l) as r from {3} x where {4}) x on x.i = s.i and x.r = s.r",
        left, store, unmatched("s", "n"), rows_, unmatched("x", "l"))));
    if (numbered) {
        auto const own = own_ ? fmt::format(" left join {} p on p.n = x.o", ledger_.table(own_->store)) : std::string{};
        UNDROP_CHECK(add(fmt::format("{} s join {} x on x.l = s.r join {} as t on {} = x.l{} where {} and {} and {}", store, rows_,
                                     dialect_.own_rows(now_), dialect_.row_id(now_, "t"), own, unmatched("s", "n"), unmatched("x", "l"),
                                     same_number())));
    }
    if (!told_by_.empty() && told_by_.size() == s_.told_by.size())
        UNDROP_CHECK(
            add(fmt::format("(select s.n, {} as u from {} s where s.alone = 1 and {}) s join "
                            "(select x.l, x.o, x.u, count(*) over (partition by x.u) as c from {} x) x on x.u = s.u "
                            "where x.c = 1 and {}",
                            left_image(told_by_), store, unmatched("s", "n"), rows_, unmatched("x", "l"))));
    UNDROP_CHECK(backend_.run("drop table " + rows_));
    return matched_;
}

}  // namespace

Result<std::string> match_rows(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now, Snapshot const* own,
                               std::int64_t& next_id) {
    return Matching(backend, ledger, snapshot, now, own).run(next_id);
}

}  // namespace undrop

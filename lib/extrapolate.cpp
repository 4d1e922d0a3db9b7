#include "extrapolate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <chrono>

#include "merge.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr double long_enough = 0.1;
constexpr std::int64_t many_enough = 50'000;
constexpr int more_each_time = 4;
// In units of a row that is copied, indexed and updated: measured on 400,000 rows, with the migrations of docs/rehearsal.md.
constexpr double looked_at = 0.5;
constexpr double saved_row = 1;
constexpr double rewritten_row = 2;
constexpr double merged_row = 4;
// Where so many rows take longer than any step takes by itself, they tell more than a model does.
constexpr std::int64_t telling_rows = 1000;
constexpr double by_itself = 0.25;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_of(std::string const& what, std::string const& table) {
    return what.starts_with(table) && (what.size() == table.size() || what[table.size()] == '.' || what[table.size()] == ' ');
}

// What the step did to each of the table's rows.
double work_on_a_row(StepReport const& step, StepCost const& cost, std::string const& table, std::int64_t rows) {
    double work = looked_at;
    if (std::find(cost.rewritten.begin(), cost.rewritten.end(), table) != cost.rewritten.end()) work += rewritten_row;
    auto const of = static_cast<double>(rows);
    for (auto const& saved : step.saved)
        if (is_of(saved.what, table)) work += saved_row * static_cast<double>(saved.rows) / of;
    for (auto const& m : step.merged)
        if (is_of(m.what, table))
            work += merged_row * static_cast<double>(m.restored + m.emptied + m.overwritten + m.removed + m.computed) / of;
    return work;
}

}  // namespace

Result<double> Extrapolation::seconds_of_a_row(State::Rows const& rows, std::int64_t count) {
    double before = 0;
    std::int64_t copied = 0;
    for (std::int64_t times = 1;; times *= more_each_time) {
        UNDROP_CHECK(backend_.begin(options_, {}));
        auto const start = Clock::now();
        auto const done = [&]() -> Result<void> {
            UNDROP_CHECK(backend_.run(fmt::format(
                "create temporary table undrop_work as select row_number() over () as n, s.* from {} as s cross join (with recursive n(i) "
                "as (select 1 union all select i + 1 from n where i < {}) select i from n) as times",
                rows.store, times)));
            UNDROP_CHECK(backend_.run("create unique index undrop_work_n on undrop_work (n)"));
            UNDROP_CHECK(backend_.run("update undrop_work set n = n"));
            return success();
        }();
        auto const seconds = seconds_since(start);
        backend_.rollback();
        UNDROP_CHECK(done);
        auto const more = count * times - copied;
        if (seconds >= long_enough || count * times >= many_enough) return std::max(seconds - before, 0.0) / static_cast<double>(more);
        before = seconds;
        copied = count * times;
    }
}

// What the rows that the target has beside those here would add, and why.
Result<Extrapolation::More> Extrapolation::more_for(std::string const& table, double held, StepReport const& step, State const& before,
                                                    StepCost const& cost) {
    More more;
    auto const there = target_rows_.find(table);
    auto const here =
        std::find_if(before.tables.begin(), before.tables.end(), [&](auto const& one) { return one.second->table.text() == table; });
    if (there == target_rows_.end() || here == before.tables.end()) return more;
    UNDROP_TRY(auto const counted, backend_.rows("select count(*) from " + here->second->store));
    auto const rows = number_of(counted.at(0).at(0));
    if (rows == 0) return more;
    more.known = true;
    auto const others = there->second - rows;
    if (others <= 0) return more;
    if (!seconds_.contains(table)) {
        UNDROP_TRY(seconds_[table], seconds_of_a_row(*here->second, rows));
    }
    auto const work = work_on_a_row(step, cost, table, rows);
    more.seconds = static_cast<double>(others) * seconds_[table] * work;
    more.assumption =
        fmt::format("{} rows of {} here, about {} there, {:.1f} us for each of the others, which here writing {:.1f} rows takes", rows,
                    table, there->second, work * seconds_[table] * 1e6, work);
    auto const ratio = static_cast<double>(others) / static_cast<double>(rows);
    if (rows < telling_rows || (held - by_itself) * ratio <= more.seconds) return more;
    more.seconds = held * ratio;
    more.assumption = fmt::format("if each of about {} rows of {} takes as long as each of the {} here", there->second, table, rows);
    return more;
}

Result<void> Extrapolation::extend(StepReport const& step, State const& before, Touched const& touched, StepCost& cost) {
    // The database as a whole.
    if (backend_.steps_lock_the_run()) {
        cost.writers_stop = step.seconds;
        std::vector<std::string> assumptions;
        for (auto const& [name, rows] : before.tables) {
            if (target_rows_.empty() || (touched && !touched->contains(name))) continue;
            UNDROP_TRY(auto const more, more_for(rows->table.text(), step.seconds, step, before, cost));
            cost.writers_stop += more.seconds;
            if (!more.assumption.empty()) assumptions.push_back(more.assumption);
        }
        cost.assumption = fmt::format("{}", fmt::join(assumptions, "; "));
        return success();
    }
    for (auto const& lock : cost.locks) {
        More more{.known = target_rows_.empty()};
        if (!more.known) {
            UNDROP_TRY(more, more_for(lock.table, lock.held_seconds, step, before, cost));
        }
        if (!more.known || lock.held_seconds + more.seconds < cost.writers_stop) continue;
        cost.writers_stop = lock.held_seconds + more.seconds;
        cost.assumption = more.assumption;
    }
    return success();
}

}  // namespace undrop

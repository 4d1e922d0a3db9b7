// Extrapolate: for how long a step that ran in a sandbox would keep writers out of the target's tables, which have other numbers of rows.
//
// A step takes a time that does not depend on rows, and works on rows: it looks at each, writes some anew, saves some, puts some back.
// Few rows show only the first, so what work on a row takes is measured by itself, on copies of the table's rows, as many as take long
// enough to tell; what a step does to each row, its report says.
// Only for sandboxes. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <undrop/rehearse.hpp>

#include "backend.hpp"
#include "state.hpp"

namespace undrop {

class Extrapolation {
public:
    Extrapolation(Backend& backend, Options const& options) : backend_(backend), options_(options) {}
    // By what people call the tables; none: the rows here are the target's own, and so are the times.
    void to(std::map<std::string, std::int64_t> target_rows) { target_rows_ = std::move(target_rows); }

    // Sets writers_stop, and the assumption under which it holds, by the lock that is held longest.
    // `before`: the rows when the step, whose cost this is, began; or near enough. `touched`: the tables that it wrote to.
    [[nodiscard]] Result<void> extend(StepReport const& step, State const& before, Touched const& touched, StepCost& cost);

private:
    struct More {
        bool known = false;
        double seconds = 0;
        std::string assumption = {};
    };
    [[nodiscard]] Result<More> more_for(std::string const& table, double held, StepReport const& step, State const& before,
                                        StepCost const& cost);
    [[nodiscard]] Result<double> seconds_of_a_row(State::Rows const& rows, std::int64_t count);

    Backend& backend_;
    Options const& options_;
    std::map<std::string, std::int64_t> target_rows_;
    std::map<std::string, double> seconds_;  // of a row, by table: measured once
};

}  // namespace undrop

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include <undrop/undrop.hpp>

#include "fuzz/history.hpp"
#include "fuzz/model.hpp"
#include "fuzz/state.hpp"
#include "look.hpp"
#include "support/witness.hpp"

namespace undrop::test {
namespace {

constexpr std::size_t drawn_tag_size = 35;  // of the literal; a script may append to it

// Tags that triggers draw differ from one up to the next; so does what PostgreSQL's sequences gave, which is not given again after a round
// that was taken back. A script may have copied it under the same name.
State without_what_is_drawn(State state, std::vector<FuzzTable> const& before, std::vector<FuzzTable> const& now, Engine engine) {
    std::set<std::string> drawn;
    for (auto const* tables : {&before, &now})
        for (auto const& table : *tables)
            for (auto const& column : table.columns)
                if (column.drawn && engine == Engine::postgres) drawn.insert(column.name);
    for (auto& [name, rows] : state.rows) {
        for (auto& row : rows)
            for (auto& [column, value] : row) {
                if (value.size() >= drawn_tag_size && value.starts_with("'x")) value = "'x'";
                if (drawn.contains(column)) value = "drawn";
            }
        std::sort(rows.begin(), rows.end());
    }
    return state;
}

class Player {
public:
    Player(Stage& stage, History const& history) : stage_(stage), engine_(stage.engine()), history_(history), db_(stage.database()) {
        foresee_nothing(history.blind);
        options_.second_connection = !history.copies;
    }
    ~Player() { foresee_nothing(false); }
    Player(Player const&) = delete;
    Player& operator=(Player const&) = delete;

    Outcome play() {
        prepare();
        if (script_.empty()) return std::move(outcome_);
        if (auto const error = step(false)) {
            outcome_.end = Outcome::End::refused_up;
            outcome_.refusal = error->text();
            expect("after an up that was refused", before_);
            return std::move(outcome_);
        }
        expect_alone("after the up, beside the script alone");
        if (outcome_.wrong.empty()) history_.written ? down_after_writes() : down_alone();
        return std::move(outcome_);
    }

private:
    void run(std::vector<std::string> const& all) {
        for (auto const& sql : all) try {
                db_.run(sql);
            } catch (Refused const&) {  // What it needs is not there, in a smaller history.
            }
    }

    void prepare() {
        for (auto const* part : {&history_.schema.base, &history_.schema.links, &history_.schema.rest, &history_.rows}) run(*part);
        tables_ = fuzz_tables(db_, engine_);
        before_ = state_of(db_, engine_);
        if (history_.dumped) witness_ = witness(db_);
        script_ = run_alone();
        if (script_.empty()) return;
        source_.migrations.push_back(
            {.version = "1", .name = "random", .up = {script_, "1_random.up.sql"}, .down = {}, .check = {}, .down_check = {}});
    }

    // What a sequence of PostgreSQL gave is given, also where it was taken back.
    std::vector<std::string> positions_to_be() {
        std::vector<std::string> statements;
        if (engine_ == Engine::sqlite) return statements;
        for (auto const& line : db_.rows("select format('%I.%I', schemaname, sequencename) from pg_sequences where schemaname <> 'undrop'"))
            statements.push_back(db_.one(fmt::format("select format('select setval(%L, %s, %L)', {}, last_value, is_called) from {}",
                                                     quoted_text(*line[0]), *line[0])));
        return statements;
    }

    // What the script does by itself, from here. It is taken back. What the database refuses is left out, and the rest done anew: a refused
    // INSERT draws numbers, too.
    std::string run_alone() {
        auto operations = history_.script;
        auto const positions = positions_to_be();
        bool holds = false;
        for (bool complete = false; !complete;) {
            std::vector<Operation> done;
            Places places(tables_);
            db_.run("begin");
            for (auto const& operation : operations)
                if (attempt(db_, engine_, operation, places)) done.push_back(operation);
            complete = done.size() == operations.size();
            holds = constraints_hold();
            if (complete) alone_ = state_of(db_, engine_);
            db_.run("rollback");
            for (auto const& position : positions) (void)db_.rows(position);
            operations = std::move(done);
            places_ = places;
        }
        std::string script;
        for (auto const& operation : operations) script += operation.text();
        return holds ? script : "";
    }

    // At the end of the script. SQLite may refuse to check them at all.
    bool constraints_hold() {
        if (engine_ == Engine::postgres) return db_.attempt("set constraints all immediate").empty();
        try {
            return db_.rows("select 1 from pragma_foreign_key_check").empty();
        } catch (Refused const&) {
            return false;
        }
    }

    std::optional<Error> step(bool down) {
        if (!target_ || !history_.connected) target_ = Target::open(db_.url()).value();
        auto& target = *target_;
        auto plan = down ? plan_down(target, source_, {}, options_) : plan_up(target, source_, {}, options_);
        if (!plan) return plan.error();
        auto approved = approve(std::move(plan).value());
        if (!approved) return approved.error();
        auto done = apply(target, approved.value(), options_);
        if (!done) return done.error();
        return std::nullopt;
    }

    void wrong(std::string const& what) {
        if (outcome_.wrong.empty()) outcome_.wrong = what;
    }

    void expect(std::string const& when, State const& expected) {
        if (auto const text = difference(expected, state_of(db_, engine_)); !text.empty()) wrong(when + ":\n" + text);
    }

    void expect_alone(std::string const& when) {
        auto const tables = fuzz_tables(db_, engine_);
        auto const found = without_what_is_drawn(state_of(db_, engine_), tables_, tables, engine_);
        if (auto const text = difference(without_what_is_drawn(alone_, tables_, tables, engine_), found); !text.empty())
            wrong(when + ":\n" + text);
    }

    void down_alone() {
        if (auto const error = step(true)) return wrong("a down without writes was refused: " + error->text());
        expect("after the down", before_);
        if (history_.dumped)
            if (auto const text = undrop::test::difference(witness_.schema, witness(db_).schema); !text.empty())
                wrong("after the down, by the database's own dump:\n" + text);
        // Rows may have other numbers by now, and sequences go on: a script may do something else than the first time.
        if (!outcome_.wrong.empty() || run_alone() != script_) return;
        if (auto const error = step(false)) return wrong("the second up was refused: " + error->text());
        expect_alone("after the second up");
        if (!outcome_.wrong.empty()) return;
        if (auto const error = step(true)) return wrong("the second down was refused: " + error->text());
        expect("after the second down", before_);
    }

    void down_after_writes() {
        auto const after = state_of(db_, engine_);
        auto const tables_after = fuzz_tables(db_, engine_);
        run(history_.writes);
        auto const written = state_of(db_, engine_);
        auto const prediction =
            predict(stage_.scratch(), engine_, history_.schema, {tables_, tables_after, before_, after, written, places_});
        outcome_.compared = prediction.certain;
        if (auto const error = step(true)) {
            outcome_.end = Outcome::End::refused_down;
            outcome_.refusal = error->text();
            // Of a unique index over computed columns or for some rows, which the script dropped, nothing is known beforehand.
            auto const index_came_late = prediction.taken && error->message.find("fit unique index") != std::string::npos;
            if (prediction.possible && prediction.certain && !index_came_late) wrong("a down was refused: " + error->text());
            return expect("after a down that was refused", written);
        }
        if (!prediction.certain) return;
        if (!prediction.possible) return wrong("a down that had to be refused went through: " + prediction.why);
        auto found = state_of(db_, engine_);
        if (auto const text = difference_of_rows(masked(prediction.expected), masked(found)); !text.empty()) wrong(text);
        found.rows = before_.rows;
        if (auto const text = difference(before_, found); !text.empty()) wrong(text);
    }

    // What a sequence gives to new rows is the database's affair.
    State masked(State state) const {
        for (auto const& table : tables_)
            for (auto const& column : table.columns)
                if (column.drawn)
                    for (auto& row : state.rows[table.name])
                        if (row.at(tag_column).starts_with("'w")) row[column.name] = "drawn";
        for (auto& [name, rows] : state.rows) std::sort(rows.begin(), rows.end());
        return state;
    }

    Stage& stage_;
    Engine engine_;
    History const& history_;
    Database& db_;
    Options options_;
    std::optional<Target> target_;
    std::string script_;
    Places places_{{}};
    std::vector<FuzzTable> tables_;
    State before_;
    State alone_;
    Witness witness_;
    Source source_{.migrations = {}, .origin = "the test"};
    Outcome outcome_;
};

}  // namespace

Outcome play(Stage& stage, History const& history) { return Player(stage, history).play(); }

}  // namespace undrop::test

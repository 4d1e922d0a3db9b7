#include "fuzz/history.hpp"

#include <algorithm>

#include "fuzz/writes.hpp"

namespace undrop::test {
namespace {

constexpr int most_replays = 150;

std::string lines(std::vector<std::string> const& all) {
    std::string text;
    for (auto const& each : all) text += each + ";\n";
    return text;
}

// Runs it where the database takes it.
void write(Session& session, std::string const& sql, std::vector<std::string>& written) {
    if (sql.empty()) return;
    try {
        session.run(sql);
        written.push_back(sql);
    } catch (Refused const&) {
    }
}

// Users change rows whose key the migration left as it was, and keys of none: whose else is not known again.
void leave_keys_alone(FuzzTable& table, std::vector<FuzzTable> const& before, Places const& places) {
    for (auto const& old : before) {
        auto const* place = places.of(old.name);
        if (!place || place->table != table.name) continue;
        auto const key = old.key();
        auto const kept = [&](std::string const& column) {
            return place->columns.contains(column) && table.column(place->columns.at(column))->tells;
        };
        // Rows of a child have no key by inheritance.
        bool const told = !key.empty() && !table.in_family && std::all_of(key.begin(), key.end(), kept);
        for (auto& column : table.columns) {
            auto const was =
                std::find_if(place->columns.begin(), place->columns.end(), [&](auto const& each) { return each.second == column.name; });
            if (!told || (was != place->columns.end() && old.column(was->first)->unique)) column.written = false;
        }
    }
}

std::vector<std::string> application(Session& session, Engine engine, Random& random, std::vector<FuzzTable> const& before,
                                     Places const& places) {
    std::vector<std::string> written;
    Writes writes(session, engine, random, "w", true);
    for (int n = random.between(1, 8); n > 0; --n) {
        auto const tables = fuzz_tables(session, engine);
        if (tables.empty()) break;
        auto table = random.of(tables);
        auto const kind = random.below(4);
        if (kind > 1) leave_keys_alone(table, before, places);
        write(session, kind == 0 ? writes.remove(table) : kind == 1 ? writes.insert(table) : writes.update(table, false), written);
    }
    return written;
}

// Takes parts of one list away as long as the same goes wrong.
class Reducer {
public:
    Reducer(Stage& stage, History history, Outcome const& outcome) : stage_(stage), history_(std::move(history)), kind_(kind_of(outcome)) {}

    History reduce() {
        for (int before = most_replays + 1; before != replays_ && replays_ < most_replays;) {
            before = replays_;
            auto const size = size_of(history_);
            reduce(&History::writes);
            reduce(&History::script);
            reduce(&History::rows);
            reduce_schema(&FuzzSchema::rest);
            reduce_schema(&FuzzSchema::links);
            reduce_schema(&FuzzSchema::base);
            if (size_of(history_) == size) break;
        }
        return std::move(history_);
    }

private:
    static std::string kind_of(Outcome const& outcome) {
        if (outcome.wrong.starts_with("\"")) return "rows";
        return outcome.wrong.substr(0, outcome.wrong.starts_with("a down") ? 50 : 14);
    }
    static std::size_t size_of(History const& history) { return history.text().size(); }

    template <class List>
    void reduce_list(List list) {
        for (auto part = list(history_).size(); part >= 1; part /= 2)
            for (std::size_t at = 0; at < list(history_).size() && replays_ < most_replays;) {
                auto smaller = history_;
                auto& items = list(smaller);
                auto const first = items.begin() + static_cast<std::ptrdiff_t>(at);
                items.erase(first, first + static_cast<std::ptrdiff_t>(std::min(part, items.size() - at)));
                if (still(smaller))
                    history_ = std::move(smaller);
                else
                    at += part;
            }
    }
    template <class T>
    void reduce(std::vector<T> History::*list) {
        reduce_list([list](History & history) -> auto& { return history.*list; });
    }
    void reduce_schema(std::vector<std::string> FuzzSchema::*list) {
        reduce_list([list](History & history) -> auto& { return history.schema.*list; });
    }

    bool still(History const& history) {
        ++replays_;
        return kind_of(play(stage_, history)) == kind_;
    }

    Stage& stage_;
    History history_;
    std::string kind_;
    int replays_ = 0;
};

}  // namespace

std::string History::text() const {
    std::string text = lines(schema.base) + lines(schema.links) + lines(schema.rest) + lines(rows) + "-- up";
    text += std::string(blind ? ", nothing foreseen" : "") + (copies ? ", no second connection" : "") +
            (connected ? ", one connection" : "") + "\n";
    for (auto const& operation : script) text += lines(operation.statements);
    return text + "-- the application\n" + lines(writes);
}

History make_history(Stage& stage, std::uint64_t seed) {
    auto const engine = stage.engine();
    auto& db = stage.database();
    Random random(seed);
    History history;
    history.told = !random.one_in(4);
    history.written = history.told && random.one_in(2);
    history.blind = random.one_in(4);
    history.copies = random.one_in(4);
    history.connected = !random.one_in(4);
    history.dumped = seed % 10 == 0;
    history.schema = make_schema(db, engine, random);
    Writes writes(db, engine, random, "b", history.told);
    for (auto const& table : fuzz_tables(db, engine))
        for (int n = random.below(9); n > 0; --n) write(db, writes.insert(table), history.rows);
    auto const before = fuzz_tables(db, engine);
    db.run("begin");
    ScriptMaker maker(db, engine, random, history.told);
    maker.make(random.between(1, 10));
    history.script = maker.operations();
    try {
        db.run("commit");
    } catch (Refused const&) {
        history.script.clear();
        return history;
    }
    if (history.written) history.writes = application(db, engine, random, before, maker.places());
    return history;
}

History smaller(Stage& stage, History history, Outcome const& outcome) { return Reducer(stage, std::move(history), outcome).reduce(); }

Database& Stage::empty(std::unique_ptr<Database>& database) const {
    if (!database || engine_ == Engine::sqlite) {
        database = Database::make(engine_);
        return *database;
    }
    for (auto const& line :
         database->rows("select quote_ident(nspname) from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"))
        database->run("drop schema " + *line[0] + " cascade");
    database->run("create schema public");
    return *database;
}

}  // namespace undrop::test

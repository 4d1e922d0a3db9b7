#include "restore_follow.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "merge.hpp"
#include "names.hpp"
#include "try.hpp"

namespace undrop {

Result<std::string> computed_by_rebuild(Backend& backend, Table const& now, Column const& column, std::string const& filled) {
    if (std::find(now.key.begin(), now.key.end(), column.name) != now.key.end()) return std::string{"false"};
    auto const& dialect = backend.dialect();
    auto const saved = dialect.save(column, "t." + dialect.quote(column.name));
    UNDROP_TRY(auto const found, backend.rows(fmt::format("select count(*), min({0}), max({0}) from {1} as t where not ({2})",
                                                          dialect.image({saved}), dialect.own_rows(now), filled)));
    auto const& row = found.at(0);
    return number_of(row[0]) > 1 && row[1] == row[2] ? std::string{"false"} : fmt::format("not ({})", filled);
}

Result<std::int64_t> number_again(Backend& backend, Snapshot const& s, Table const& now, Pairing const& pairing,
                                  RestoreContext const& context, std::string const& computed) {
    auto const& dialect = backend.dialect();
    auto const where = fmt::format("not {} and not ({})", pairing.exists(), computed);
    auto const& value = now.column(s.column)->default_sql;
    if (context.number) return context.number(where);
    if (value.find("nextval(") == std::string::npos) return std::int64_t{0};
    return backend.run(fmt::format("update {} as t set {} = {} where {}", dialect.own_rows(now), dialect.quote(s.column), value, where));
}

Result<std::int64_t> let_follow(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, Pairing const& pairing,
                                RestoreContext const& context, std::string const& comes_back, std::string const& value, Restored& done) {
    if ((context.direction == Direction::down && context.next.empty()) || !context.made_by_script) return std::int64_t{0};
    auto const& dialect = backend.dialect();
    auto const column = dialect.quote(s.column);
    auto const rows = dialect.own_rows(now) + " as t";
    auto work_id = context.work_id + 1;
    auto const go_with = [&](std::string const& from, std::string const& condition, std::string const& to_be) -> Result<void> {
        for (auto const& referring : context.referring) {
            UNDROP_TRY(auto const followed, follow(backend, ledger, referring, from, condition, {{s.column, to_be}}, work_id));
            done.followed[referring.child.id] += followed;
        }
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    };
    std::string room;
    if (!context.next.empty() && done.merged.inserted_since > 0) {
        room = ledger.table(names::work_prefix + std::to_string(context.work_id));
        UNDROP_CHECK(backend.run(fmt::format(
            "create table {} as select t.{} as o, {} as v from {} where not {} and exists (select 1 from {} where {})", room, column,
            context.next, rows, pairing.exists(), pairing.saved, dialect.equal(*now.column(s.column), "t." + column, pairing.value))));
        UNDROP_CHECK(backend.seal(room, &now));
        UNDROP_CHECK(go_with(fmt::format("{} join {} as n on n.o = t.{}", rows, room, column), "1 = 1", "n.v"));
    }
    UNDROP_CHECK(go_with(fmt::format("{} join {} on {}", rows, pairing.saved, pairing.join), comes_back, value));
    if (room.empty()) return std::int64_t{0};
    UNDROP_TRY(auto const moved, backend.run(fmt::format("update {0} set {1} = n.v from {2} as n where n.o = t.{1} and not {3}", rows,
                                                         column, room, pairing.exists())));
    UNDROP_CHECK(backend.run("drop table " + room));
    return moved;
}

}  // namespace undrop

// The table of the jobs that are about rows: three roles, an index, a text beside them.
#pragma once

#include "field.hpp"

namespace undrop::bench {

// The role that row `id` has, as SQL.
inline constexpr char const* role_of_id = "case id % 3 when 0 then 'viewer' when 1 then 'sponsor' else 'manager' end";

inline void make_participants(Field& field, std::int64_t rows) {
    auto const last = std::to_string(rows);
    field.open();
    auto& db = field.database();
    db.run("create table participants (id integer primary key, user_name text not null, role text not null, seats integer not null)");
    db.run("insert into participants (id, user_name, role, seats) select id, 'participant ' || id, " + std::string(role_of_id) +
           ", id % 7 from " +
           field.either("generate_series(1, " + last + ") id",
                        "(with recursive n(id) as (select 1 union all select id + 1 from n where id < " + last + ") select id from n)"));
    db.run(field.either("vacuum analyze participants", "analyze"));
}

// All of them are there, with the role that they began with.
inline void expect_participants(Field& field, std::int64_t rows) {
    field.expect("select count(*) from participants where role = " + std::string(role_of_id), rows);
    field.expect("select count(*) from participants", rows);
}

}  // namespace undrop::bench

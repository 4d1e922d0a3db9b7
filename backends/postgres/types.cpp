#include "types.hpp"

#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// Types inside types; with each one its attributes or labels in order.
constexpr char const* query = R"(
with recursive used(type) as (
    select pg_catalog.unnest(array[{}]::pg_catalog.oid[])
  union
    select p.part from used u join pg_catalog.pg_type t on t.oid = u.type
    cross join lateral (
        select t.typelem where t.typelem <> 0 and t.typlen = -1
        union all select t.typbasetype where t.typbasetype <> 0
        union all select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid or r.rngmultitypid = t.oid
        union all select a.atttypid from pg_catalog.pg_attribute a
            where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) p(part))
select t.oid, t.typtype, case when t.typlen = -1 then t.typelem else 0 end, t.typbasetype, coalesce(r.rngsubtype, 0), n.nspname, t.typname,
       m.id, m.name, m.type, m.text
from used u join pg_catalog.pg_type t on t.oid = u.type join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_range r on r.rngtypid = t.oid or r.rngmultitypid = t.oid
left join lateral (
    select t.typrelid || '.' || a.attnum, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnum
    from pg_catalog.pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    union all
    select e.oid::pg_catalog.text, e.enumlabel, 0, '', e.enumsortorder from pg_catalog.pg_enum e where e.enumtypid = t.oid
) m(id, name, type, text, place) on true
where t.oid >= 16384
order by t.oid, m.place)";

struct Member {
    std::string id;
    std::string name;
    std::string type;  // oid
    std::string text;  // as the database writes it
};

struct Type {
    std::string kind;  // pg_type.typtype
    std::string element;
    std::string base;
    std::string range_of;
    std::string schema;
    std::string name;
    std::vector<Member> members;
};

class Types {
public:
    void add(Row const& row) {
        auto& type = types_[*row[0]];
        type.kind = *row[1];
        type.element = *row[2];
        type.base = *row[3];
        type.range_of = *row[4];
        type.schema = *row[5];
        type.name = *row[6];
        if (row[7]) type.members.push_back({*row[7], *row[8], *row[9], *row[10]});
    }

    void describe(std::string const& oid, Column& column) const {
        auto const* type = find(oid);
        if (!type) return;
        if (type->kind == "e") {
            for (auto const& label : type->members) column.labels.emplace_back(label.id, label.name);
            return;
        }
        column.form = form(*type);
        column.parts = parts(*type, column.array);
    }

private:
    [[nodiscard]] Type const* find(std::string const& oid) const {
        auto const found = types_.find(oid);
        return found == types_.end() ? nullptr : &found->second;
    }

    [[nodiscard]] std::string form(Type const& type) const {
        std::string text;
        for (auto const* inner : {find(type.element), find(type.base), find(type.range_of)})
            if (inner) text += form(*inner);
        if (type.kind != "c" && type.kind != "e") return text;
        for (auto const& member : type.members) {
            auto const* inner = find(member.type);
            auto const inside = inner ? form(*inner) : std::string();
            text += fmt::format("{}{}{}{}", text.empty() ? "" : ", ", PostgresDialect().literal(member.name),
                                member.text.empty() ? "" : " " + member.text, inside.empty() ? "" : " " + inside);
        }
        return "(" + text + ")";
    }

    [[nodiscard]] std::vector<Part> parts(Type const& type, bool& array) const {
        if (auto const* base = find(type.base)) return parts(*base, array);
        if (auto const* element = find(type.element)) {
            array = true;
            return parts(*element, array);
        }
        std::vector<Part> all;
        if (type.kind != "c") return all;
        for (auto const& member : type.members) {
            Part part{.id = member.id, .name = member.name, .type = member.text, .schema = type.schema, .owner = type.name, .parts = {}};
            if (auto const* inner = find(member.type)) part.parts = parts(*inner, part.array);
            all.push_back(std::move(part));
        }
        return all;
    }

    std::map<std::string, Type> types_;
};

}  // namespace

Result<void> describe_types(Connection& connection, Session const& session, std::vector<std::pair<std::string, Column*>> const& columns) {
    if (columns.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    std::set<std::string> oids;
    for (auto const& [oid, column] : columns) oids.insert(oid);
    UNDROP_TRY(auto const rows, connection.rows(session.safely(fmt::format(query, fmt::join(oids, ", ")))));
    Types types;
    for (auto const& row : rows) types.add(row);
    for (auto const& [oid, column] : columns) types.describe(oid, *column);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop::postgres

// What the catalog does not know: kinds without a file in kinds/, and names inside of bodies.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "catalog.hpp"
#include "kinds.hpp"
#include "locator.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// Objects that nobody's query names, and those of rarer kinds that the role could not make again. Members of extensions go with the
// extension, parts of an object with the object, arrays with what they are of: no other type can have their input function. Is asked only
// where kinds::any_rare finds one.
constexpr char const* unknown = R"sql(
$rare
, listed(classid, objid, row) as (
    $listed
    union all select 3079, x.oid, x.xmin from pg_extension x where x.oid >= 16384 and not ($remakable)
    $since_15
), other as (
    select l.* from listed l where not exists (select from rare r where r.classid = l.classid and r.objid = l.objid)
)
)sql";
// With what they consist of, where that is not one row of the catalog, or none whose xmin everybody may read: a further entry each, whose
// address ends with a digest.
constexpr char const* named = R"sql(
select concat(o.classid, ':', o.objid, a.digest), translate(concat(i.type, ' ', i.identity), E'\n', ' ')
from other o cross join lateral pg_identify_object(o.classid, o.objid, 0) i
cross join lateral (
    select '' as digest
    union all select '#' || md5(string_agg(m::text, ';' order by m.maptokentype, m.mapseqno))
        from pg_ts_config_map m where o.classid = 3602 and m.mapcfg = o.objid
    union all select '#' || md5(concat((select string_agg(p::text, ';' order by p.oid) from pg_amop p where p.amopfamily = o.objid), ' ',
                                       (select string_agg(p::text, ';' order by p.oid) from pg_amproc p where p.amprocfamily = o.objid)))
        where o.classid = 2753
    union all select '#' || md5(u.umoptions::text) from pg_user_mappings u where o.classid = 1418 and u.umid = o.objid
    union all select '#' || md5(row(s.subname, s.subowner, s.subenabled, s.subslotname, s.subpublications)::text)
        from pg_subscription s where o.classid = 6100 and s.oid = o.objid) a
where i.identity is not null and a.digest is not null
  and not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.objid and d.deptype in ('e', 'i')))sql";
// A row that we see although its transaction is in progress is ours.
constexpr char const* changed = R"sql(
select concat(o.classid, ':', o.objid) from other o
where case when age(o.row) <= 0 then pg_xact_status((pg_current_xact_id()::text::int8 - age(o.row))::text::xid8) = 'in progress' end)sql";
constexpr std::string_view mark = "$since_15";
constexpr char const* since_15 = "union all select 6237, oid, xmin from pg_publication_namespace where not $superuser";

// $1: a regular expression for the name as a word; $2: the name as SQL quotes it; $3: the name; $4: one for the name where it is no
// parameter's, since a function has one of that name: after a word that wants a table, or after a dot. What the database keeps parsed
// follows what it names, or goes with it: only its texts in quotes may mean something that is gone. `holder` and not `rel`, which would be
// put together for every table.
constexpr char const* bodies = R"sql(
, holder as (
    select c.oid, c.relkind, format('%I.%I', n.name, c.relname) as q
    from pg_class c join ns n on n.oid = c.relnamespace
    where c.relpersistence <> 't' and not exists (select from ext e where e.classid = 1259 and e.objid = c.oid)
      and (c.relkind in ('v', 'm') or c.oid in (select t.tgrelid from pg_trigger t where not t.tgisinternal)
           or c.oid in (select p.polrelid from pg_policy p))
), body(word, name, text) as (
    select case p.prokind when 'p' then 'procedure' else 'function' end,
           format('%I.%I(%s)', n.name, p.proname, oidvectortypes(p.proargtypes)), p.prosrc
    from pg_proc p join ns n on n.oid = p.pronamespace
    where p.oid >= 16384 and p.prokind <> 'a' and not exists (select from ext e where e.classid = 1255 and e.objid = p.oid)
      and (p.proargnames is null or $3 <> all (p.proargnames) or p.prosrc ~* $4)
    union all
    select x.word, x.name, (select string_agg(m[1], ' ') from regexp_matches(x.text, '(''(?:[^'']|'''')*'')', 'g') m)
    from (select case c.relkind when 'v' then 'view' else 'materialized view' end, c.q, pg_get_viewdef(c.oid) from holder c
              where c.relkind in ('v', 'm')
          union all
          select 'trigger', format('%I on %s', t.tgname, c.q), pg_get_triggerdef(t.oid)
          from holder c join pg_trigger t on t.tgrelid = c.oid where not t.tgisinternal and t.tgparentid = 0
          union all
          select 'policy', format('%I on %s', p.polname, c.q),
                 concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
          from holder c join pg_policy p on p.polrelid = c.oid) x(word, name, text)
)
select concat(b.word, ' ', b.name) from body b where b.text ~* $1 or strpos(b.text, $2) > 0 order by 1)sql";

// The name between characters that can be no part of one; bodies may write it in any case.
std::string escaped(std::string const& name) {
    std::string out;
    for (char const c : name) {
        auto const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<signed char>(c) < 0;
        auto const plain = letter || (c >= '0' && c <= '9') || c == '_';
        out += plain ? std::string(1, c) : fmt::format("\\{}", c);
    }
    return out;
}

std::string as_word(std::string const& name) { return "(^|[^[:alnum:]_$])" + escaped(name) + "($|[^[:alnum:]_$])"; }

std::string quoted(std::string const& name) {
    std::string out = "\"";
    for (char const c : name) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
}

std::string unknown_sql(Connection const& connection, std::string const& ledger, char const* what,
                        Extensions extensions = Extensions::remakable, bool rare = true) {
    auto sql = std::string(unknown) + what;
    sql.replace(sql.find(mark), mark.size(), connection.server_version() >= 150000 ? since_15 : "");
    return catalog_sql(sql.c_str(), ledger, false, extensions, rare);
}

}  // namespace

Result<std::map<std::string, std::string>> unknown_objects(Connection& connection, std::string const& ledger, Extensions extensions,
                                                           bool rare) {
    UNDROP_TRY(auto const rows, catalog_rows(connection, unknown_sql(connection, ledger, named, extensions, rare)));
    std::map<std::string, std::string> found;
    for (auto const& row : rows) found.emplace(row[0].value_or(""), row[1].value_or(""));
    return found;
}

namespace {

std::map<std::string, std::string> recorded_unknown(Catalog const& catalog) {
    std::map<std::string, std::string> all;
    for (auto const& [id, object] : catalog)
        if (id.kind == "schema") all.merge(Locator::parse(object.locator).unknown);
    return all;
}

}  // namespace

std::set<std::string> unknown_of(Catalog const& catalog) {
    std::set<std::string> names;
    for (auto const& [address, name] : recorded_unknown(catalog)) names.insert(name);
    return names;
}

// User mappings and subscriptions have no rows whose xmin everybody may read.
Result<std::vector<std::string>> made_unknown(Connection& connection, Catalog const& before, Catalog const& now) {
    auto fresh = recorded_unknown(now);
    for (auto const& [address, name] : recorded_unknown(before)) fresh.erase(address);
    std::erase_if(fresh, [](auto const& one) { return one.first.find('#') != std::string::npos; });
    std::vector<std::string> made;
    if (fresh.empty()) return made;
    UNDROP_CHECK(pin_search_path(connection));
    UNDROP_TRY(auto const rows, catalog_rows(connection, unknown_sql(connection, "", changed)));
    auto const is_ours = [&](std::string const& address) {
        return address.starts_with("1418:") || address.starts_with("6100:") ||
               std::any_of(rows.begin(), rows.end(), [&](Row const& row) { return row[0] == address; });
    };
    for (auto const& [address, name] : fresh)
        if (is_ours(address)) made.push_back(name);
    return made;
}

// An object is removed under an ACCESS EXCLUSIVE lock of its own, which our transaction holds to its end. What others removed we did
// not lock.
Result<std::vector<std::string>> removed_unknown(Connection& connection, Catalog const& before) {
    auto const was = recorded_unknown(before);
    std::vector<std::string> removed;
    if (was.empty()) return removed;
    UNDROP_CHECK(pin_search_path(connection));
    // P9: what was made otherwise cannot be made again as it was, either.
    UNDROP_TRY(auto const ours, catalog_rows(connection, unknown_sql(connection, "", changed)));
    for (auto const& row : ours)
        if (auto const found = was.find(row[0].value_or("")); found != was.end()) removed.push_back("definition of " + found->second);
    UNDROP_TRY(auto const locks, own_locks(connection));
    auto const is_digest = [](std::string const& address) { return address.find('#') != std::string::npos; };
    if (std::none_of(was.begin(), was.end(), [&](auto const& one) { return locks.removed.contains(one.first) || is_digest(one.first); }))
        return removed;
    UNDROP_TRY(auto const is, unknown_objects(connection, ""));
    for (auto const& [address, name] : was) {
        if (is.contains(address)) continue;
        if (locks.removed.contains(address)) removed.push_back(name);
        auto const changed = is_digest(address) && is.contains(address.substr(0, address.find('#')));
        if (auto const what = "definition of " + name; changed && std::find(removed.begin(), removed.end(), what) == removed.end())
            removed.push_back(what);
    }
    return removed;
}

Result<std::vector<std::string>> mentions(Connection& connection, std::string const& word) {
    UNDROP_CHECK(pin_search_path(connection));
    auto const where_none_is_meant =
        R"(((^|[^[:alnum:]_$])(from|join|into|update|only|table|using|of)[[:space:]]+([[:alnum:]_$"]+\.)?"?|\."?))" + escaped(word) +
        "($|[^[:alnum:]_$])";
    Row const parameters{as_word(word), quoted(word), word, where_none_is_meant};
    UNDROP_TRY(auto const rows, connection.rows(catalog_sql(bodies, ""), parameters));
    std::vector<std::string> found;
    for (auto const& row : rows) found.push_back(row[0].value_or(""));
    return found;
}

}  // namespace undrop::postgres

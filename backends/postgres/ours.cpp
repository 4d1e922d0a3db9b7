// What of a changed catalog this transaction did itself: nothing of another session may be taken for ours.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <unordered_map>

#include <fmt/format.h>

#include "catalog.hpp"
#include "locator.hpp"
#include "observe.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

using Xids = std::set<std::string>;

Xids xids_of(Catalog const& catalog) {
    Xids all;
    for (auto const& [id, object] : catalog)
        for (auto& row : Locator::parse(object.locator).rows) all.insert(std::move(row));
    return all;
}

// Which xmin are our transaction's or one of its subtransactions'. A row that we see although its transaction is in progress is ours.
// Only ids that `before` did not have are asked for: these are recent, so that 32 bits tell the 64-bit id.
Result<Xids> own_xids(Connection& connection, Catalog const& before, Catalog const& now) {
    UNDROP_TRY(auto const current, connection.rows("select pg_catalog.pg_current_xact_id_if_assigned()::text"));
    Xids own;
    if (current.empty() || !current[0][0]) return own;
    auto const full = std::strtoull(current[0][0]->c_str(), nullptr, 10);
    own.insert(fmt::format("{}", static_cast<std::uint32_t>(full)));

    auto const known = xids_of(before);
    std::string asked;
    for (auto const& xid : xids_of(now)) {
        auto const ahead = static_cast<std::uint32_t>(std::strtoul(xid.c_str(), nullptr, 10)) - static_cast<std::uint32_t>(full);
        if (known.contains(xid) || own.contains(xid) || ahead >= (1U << 31)) continue;  // older than our transaction
        asked += fmt::format("{}({},'{}')", asked.empty() ? "" : ",", xid, full + ahead);
    }
    if (asked.empty()) return own;
    UNDROP_TRY(auto const rows, connection.rows("select x.xid from (values " + asked +
                                                ") x(xid, id) "
                                                "where pg_catalog.pg_xact_status(x.id::pg_catalog.xid8) = 'in progress'"));
    for (auto const& row : rows) own.insert(*row[0]);
    return own;
}

// Subjects of rights that are gone, where our transaction wrote the row that held them: an extension's member is no object of its own that
// would tell.
Result<std::set<std::string>> subjects_without_rights(Connection& connection, Catalog const& before, Catalog const& now) {
    std::set<std::string> subjects;
    std::string oids;
    for (auto const& [id, object] : before) {
        if (!id.kind.starts_with("grants on ") || now.contains(id)) continue;
        auto const parts = words(Locator::parse(object.locator).subject, ':');
        if (parts.size() == 3) oids += (oids.empty() ? "" : ",") + parts[1];
    }
    if (oids.empty()) return subjects;
    UNDROP_TRY(auto const rows,
               connection.rows(fmt::format("select pg_catalog.format('%s:%s:0', x.class, x.oid) from ("
                                           "select 1255 as class, p.oid, p.xmin as row from pg_catalog.pg_proc p union all "
                                           "select 1247, t.oid, t.xmin from pg_catalog.pg_type t union all "
                                           "select 2612, l.oid, l.xmin from pg_catalog.pg_language l union all "
                                           "select 1259, c.oid, c.xmin from pg_catalog.pg_class c) x where x.oid in ({}) and {}",
                                           oids, made_by("pg_catalog.pg_current_xact_id()::pg_catalog.text", "x.row"))));
    for (auto const& row : rows) subjects.insert(row[0].value_or(""));
    return subjects;
}

class Judge {
public:
    Judge(Catalog const& before, Catalog const& now, Xids own, OwnLocks locks, std::set<std::string> subjects)
        : before_(before), now_(now), own_(std::move(own)), locks_(std::move(locks)), touched_(std::move(subjects)) {
        for (auto const& [id, object] : before_) was_.emplace(key(id, Locator::parse(object.locator)), &id);
        for (auto const& [id, object] : now_) {
            auto const locator = Locator::parse(object.locator);
            is_.emplace(key(id, locator), &id);
            if (touched(locator)) touched_.insert(locator.subject);
            if (touched(locator) && locator.subject == "1259:" + locator.relation + ":0") relations_.insert(locator.relation);
        }
    }

    // Is this new or changed object our doing?
    [[nodiscard]] bool made_by_us(ObjectId const& id) const {
        auto const locator = Locator::parse(now_.at(id).locator);
        if (touched(locator)) return true;
        auto const was = was_.find(key(id, locator));
        // A sequence that belongs to no column any more has an owner of its own, which is in no row that changed.
        if (was == was_.end() && id.kind == "owner of sequence") return locks_.changed.contains("1259:" + locator.relation);
        if (was == was_.end() || Locator::parse(before_.at(*was->second).locator).rows != locator.rows) return false;
        // Its own rows are as they were: something that it names was renamed. What a table inherits does not name it.
        std::set<ObjectId> seen;
        return relations_.contains(locator.relation) || needs_touched(id, seen) || lost_a_need(before_.at(*was->second));
    }

    [[nodiscard]] bool removed_by_us(ObjectId const& id) const {
        auto const locator = Locator::parse(before_.at(id).locator);
        if (auto const is = is_.find(key(id, locator)); is != is_.end()) return made_by_us(*is->second);  // renamed
        // Those on a view's columns are in rows that only the view is known by.
        if (id.kind == "grants on column" && relations_.contains(locator.relation) && is_view(locator.relation)) return true;
        return locks_.changed.contains(locator.class_and_object()) || locks_.changed.contains("1259:" + locator.relation) ||
               touched_.contains(locator.subject);  // a property: rights are in the row of what they are on
    }

private:
    [[nodiscard]] static std::string key(ObjectId const& id, Locator const& locator) { return id.kind + " " + locator.subject; }

    [[nodiscard]] bool touched(Locator const& locator) const {
        for (auto const& row : locator.rows)
            if (own_.contains(row)) return true;
        return false;
    }

    [[nodiscard]] bool is_view(std::string const& relation) const {
        return was_.contains("view 1259:" + relation + ":0") || was_.contains("materialized_view 1259:" + relation + ":0");
    }

    // Of what it needed something is gone that we locked, as a partition without a part of an index.
    [[nodiscard]] bool lost_a_need(Object const& then) const {
        return std::any_of(then.needs.begin(), then.needs.end(), [&](ObjectId const& need) {
            auto const was = before_.find(need);
            if (was == before_.end() || now_.contains(need)) return false;
            auto const locator = Locator::parse(was->second.locator);
            return locks_.changed.contains(locator.class_and_object()) || locks_.changed.contains("1259:" + locator.relation);
        });
    }

    [[nodiscard]] bool needs_touched(ObjectId const& id, std::set<ObjectId>& seen) const {
        auto const object = now_.find(id);
        if (object == now_.end() || !seen.insert(id).second) return false;
        for (auto const& need : object->second.needs) {
            auto const needed = now_.find(need);
            if (needed == now_.end()) continue;
            if (touched(Locator::parse(needed->second.locator)) || needs_touched(need, seen)) return true;
        }
        return false;
    }

    Catalog const& before_;
    Catalog const& now_;
    Xids own_;
    OwnLocks locks_;
    std::set<std::string> touched_;  // subjects
    std::unordered_map<std::string, ObjectId const*> was_;
    std::unordered_map<std::string, ObjectId const*> is_;
    std::set<std::string> relations_;  // that are objects themselves
};

}  // namespace

Result<Catalog> ours_of(Connection& connection, Catalog const& before, Catalog const& now) {
    UNDROP_TRY(auto own, own_xids(connection, before, now));
    UNDROP_TRY(auto locks, own_locks(connection));
    UNDROP_TRY(auto subjects, subjects_without_rights(connection, before, now));
    Judge const judge(before, now, std::move(own), std::move(locks), std::move(subjects));

    Catalog after;
    for (auto const& [id, object] : now) {
        auto const was = before.find(id);
        if ((was != before.end() && was->second.same(object)) || judge.made_by_us(id)) after.emplace(id, object);
    }
    for (auto const& [id, object] : before)
        if (!after.contains(id) && (now.contains(id) || !judge.removed_by_us(id))) after.emplace(id, object);
    return after;
}

}  // namespace undrop::postgres

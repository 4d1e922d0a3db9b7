#include "schema_order.hpp"

#include <algorithm>
#include <compare>
#include <map>
#include <set>

#include "try.hpp"

namespace undrop {
namespace {

bool has_place(ObjectId const& id) { return id.kind == "column" || id.kind == "attribute"; }

// Where an object comes among all that could be made next.
struct Place {
    Section section = Section::before_data;
    int rank = 0;
    std::string of;  // the table that it is a part of, else what it belongs to
    int part = 0;    // rank within that
    int order = 0;
    ObjectId id;
    auto operator<=>(Place const&) const = default;
};

class Orderer {
public:
    using StandIn = std::function<Result<std::string>(ObjectId const&)>;

    Orderer(Catalog const& catalog, StandIn const& stand_in) : catalog_(catalog), stand_in_(stand_in) {
        find_tables();
        for (auto const& [id, object] : catalog_) {
            missing_[id];
            for (auto const& need : object.needs) add_need(id, need);
        }
        keep_columns_in_order();
        keep_parents_whole();
        for (auto const& [id, needs] : missing_) (needs.empty() ? ready_ : waiting_).insert(place_of(id));
    }

    Result<Ordered> run() {
        while (!ready_.empty() || !waiting_.empty()) {
            if (ready_.empty()) UNDROP_CHECK(break_circle());
            auto const id = ready_.begin()->id;
            ready_.erase(ready_.begin());
            auto const& object = catalog_.at(id);
            bool const stood_in = stood_in_.contains(id);
            done_.objects.push_back({id.kind, id.parent, id.name, stood_in ? object.alter : object.make});
            if (!stood_in) let_go(id);
        }
        return std::move(done_);
    }

private:
    // As they are written where they are a parent: quoted, or as they are.
    void find_tables() {
        for (auto const& [id, object] : catalog_) {
            if (!object.holds_rows || has_place(id)) continue;
            auto quoted = id.name;
            for (std::size_t at = 0; (at = quoted.find('"', at)) != std::string::npos; at += 2) quoted.insert(at, 1, '"');
            auto const prefix = id.parent.empty() ? std::string{} : id.parent + ".";
            for (auto const& written : {id.name, '"' + quoted + '"'}) tables_.emplace(prefix + written, &id);
        }
    }

    [[nodiscard]] Place place_of(ObjectId const& id) const {
        auto const& object = catalog_.at(id);
        Place place{object.section, object.rank, id.parent, 0, object.order, id};
        auto const table = tables_.find(id.parent);
        bool const is_table = object.holds_rows && !has_place(id);
        if (!is_table && (table == tables_.end() || object.section != Section::before_data)) return place;
        // With its table.
        place.rank = catalog_.at(is_table ? id : *table->second).rank;
        place.of = is_table ? id.text() : table->second->text();
        place.part = is_table ? 0 : object.rank;
        return place;
    }

    void add_need(ObjectId const& id, ObjectId const& need) {
        if (need == id || !catalog_.contains(need) || !missing_[id].insert(need).second) return;
        needed_by_[need].push_back(id);
    }

    // A column that waits for its type must not let the next one pass.
    void keep_columns_in_order() {
        for (auto const& [id, object] : catalog_)
            if (has_place(id)) columns_[id.parent].emplace(object.order, id);
        for (auto const& [of, in_order] : columns_) {
            ObjectId const* before = nullptr;
            for (auto const& [n, id] : in_order) {
                if (before) add_need(id, *before);
                before = &id;
            }
        }
    }

    // A table that is made of another one has all of its columns before its own.
    void keep_parents_whole() {
        std::map<ObjectId, std::string> written;
        for (auto const& [name, table] : tables_)
            if (columns_.contains(name)) written.emplace(*table, name);
        for (auto const& [name, child] : tables_)
            for (auto const& need : catalog_.at(*child).needs)
                if (auto const parent = written.find(need); parent != written.end())
                    for (auto const& [n, column] : columns_.at(parent->second)) add_need(*child, column);
    }

    void let_go(ObjectId const& id) {
        for (auto const& next : needed_by_[id]) {
            auto& needs = missing_[next];
            if (needs.erase(id) == 1 && needs.empty() && waiting_.erase(place_of(next)) == 1) ready_.insert(place_of(next));
        }
    }

    // From one that waits to one that it waits for, until one comes again: from there on it is a circle.
    [[nodiscard]] std::vector<ObjectId> circle() const {
        std::vector<ObjectId> way{waiting_.begin()->id};
        while (true) {
            auto const& next = *missing_.at(way.back()).begin();
            auto const again = std::find(way.begin(), way.end(), next);
            if (again != way.end()) return {again, way.end()};
            way.push_back(next);
        }
    }

    Result<void> break_circle() {
        auto members = circle();
        std::sort(members.begin(), members.end(), [&](auto const& a, auto const& b) { return place_of(a) < place_of(b); });
        for (auto const& id : members) {
            if (stood_in_.contains(id)) continue;
            UNDROP_TRY(auto const sql, stand_in_(id));
            if (sql.empty()) continue;
            done_.objects.push_back({id.kind, id.parent, id.name, sql, true});
            stood_in_.insert(id);
            let_go(id);
            return BOOST_OUTCOME_V2_NAMESPACE::success();
        }
        auto const& first = members.front();
        done_.circular.push_back(first);
        missing_[first].clear();
        waiting_.erase(place_of(first));
        ready_.insert(place_of(first));
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }

    Catalog const& catalog_;
    StandIn const& stand_in_;
    std::map<std::string, ObjectId const*> tables_;
    std::map<std::string, std::map<int, ObjectId>> columns_;  // by what they are of
    std::map<ObjectId, std::set<ObjectId>> missing_;
    std::map<ObjectId, std::vector<ObjectId>> needed_by_;
    std::set<Place> ready_;
    std::set<Place> waiting_;
    std::set<ObjectId> stood_in_;
    Ordered done_;
};

}  // namespace

Result<Ordered> in_running_order(Catalog const& catalog, std::function<Result<std::string>(ObjectId const&)> const& stand_in) {
    return Orderer(catalog, stand_in).run();
}

}  // namespace undrop

#include "removal.hpp"

#include <algorithm>
#include <set>

#include "mend.hpp"

namespace undrop {
namespace {

using Objects = Catalog;

// A parent's text quotes names only where SQL needs it.
std::vector<std::string> as_parent(ObjectId const& table) {
    auto quoted = table.name;
    for (std::size_t at = 0; (at = quoted.find('"', at)) != std::string::npos; at += 2) quoted.insert(at, 1, '"');
    auto const prefix = table.parent.empty() ? std::string{} : table.parent + ".";
    return {prefix + table.name, prefix + '"' + quoted + '"'};
}

// What goes with which table.
class Parts {
public:
    Parts(Objects const& gone, Objects const& removed) : gone_(gone) {
        std::map<std::string, ObjectId> by_parent;
        for (auto const& [id, object] : removed)
            if (object.holds_rows && id.kind != "column")
                for (auto& parent : as_parent(id)) by_parent.emplace(std::move(parent), id);
        for (auto const& [id, object] : gone) {
            auto const parent = id.kind == "partition" ? as_parent(id).front() : id.parent;
            if (auto const table = by_parent.find(parent); table != by_parent.end() && table->second != id)
                tables_.emplace(id, table->second);
        }
    }

    // Each with all that goes with it: what they need of what is gone otherwise.
    [[nodiscard]] Objects wholes() const {
        Objects wholes;
        for (auto const& [id, object] : gone_) {
            auto const& whole = whole_of(id);
            auto& one = wholes[whole];
            if (whole == id) one.section = object.section, one.rank = object.rank, one.order = object.order;
            for (auto const& need : object.needs)
                if (counts(id, need)) one.needs.push_back(whole_of(need));
        }
        return wholes;
    }

    void take_out_of_circles() {
        auto const all = wholes();
        std::set<ObjectId> alone;
        for (auto const& [id, table] : tables_) {
            auto const& object = gone_.at(id);
            if (object.remove.empty() || object.holds_rows) continue;
            auto const in_circle = [&, &id = id, &table = table](ObjectId const& need) {
                return counts(id, need) && needs(all, whole_of(need), table);
            };
            if (std::any_of(object.needs.begin(), object.needs.end(), in_circle)) alone.insert(id);
        }
        for (auto const& id : alone) tables_.erase(id);
    }

private:
    [[nodiscard]] ObjectId const& whole_of(ObjectId const& id) const {
        auto const found = tables_.find(id);
        return found == tables_.end() ? id : found->second;
    }

    // Outside of its own whole? A partition's NOT NULL is made before its parent's, and goes as it likes.
    [[nodiscard]] bool counts(ObjectId const& id, ObjectId const& need) const {
        if (!gone_.contains(need) || whole_of(need) == whole_of(id)) return false;
        return need.kind != id.kind || need.name != id.name || !tables_.contains(need) || !tables_.contains(id);
    }

    // Directly, or by what it needs.
    [[nodiscard]] static bool needs(Objects const& wholes, ObjectId const& from, ObjectId const& to) {
        std::set<ObjectId> seen{from};
        std::vector<ObjectId> waiting{from};
        while (!waiting.empty()) {
            auto const id = std::move(waiting.back());
            waiting.pop_back();
            if (id == to) return true;
            for (auto const& need : wholes.at(id).needs)
                if (seen.insert(need).second) waiting.push_back(need);
        }
        return false;
    }

    Objects const& gone_;
    std::map<ObjectId, ObjectId> tables_;
};

}  // namespace

std::vector<ObjectId> in_removal_order(Objects const& gone, Objects const& removed) {
    Parts parts(gone, removed);
    parts.take_out_of_circles();
    auto order = in_making_order(parts.wholes());
    std::reverse(order.begin(), order.end());
    return order;
}

bool goes_with_table(ObjectId const& id, Objects const& removed) {
    return std::any_of(removed.begin(), removed.end(), [&](auto const& entry) {
        auto const& [table, object] = entry;
        if (!object.holds_rows || table.kind == "column" || id == table) return false;
        auto const names = as_parent(table);
        auto const parent = id.kind == "partition" ? as_parent(id).front() : id.parent;
        return std::find(names.begin(), names.end(), parent) != names.end();
    });
}

}  // namespace undrop

#include "references.hpp"

#include <algorithm>
#include <map>

#include "look.hpp"

namespace undrop {
namespace {

using Kind = Snapshot::Kind;

bool has(std::vector<std::string> const& names, std::string const& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool comes_back(Snapshot const& s) { return s.rows > 0 && (s.of_rows() || s.kind == Kind::table || s.kind == Kind::column); }

bool is_of(ObjectId const& part, Snapshot const& s) { return names_table(part.parent, table_name(s.table)); }

class Crossing {
public:
    Crossing(Catalog const& now, std::vector<Snapshot> const& snapshots) : now_(now) {
        for (auto const& s : snapshots)
            if (comes_back(s)) back_.push_back(&s);
    }

    [[nodiscard]] std::set<ObjectId> find() const {
        std::set<ObjectId> found;
        for (auto const& [id, object] : now_)
            if (id.kind == "foreign_key" && !object.remove.empty() &&
                std::any_of(back_.begin(), back_.end(), [&](Snapshot const* s) { return is_checked_with(*s, id, object); }))
                found.insert(id);
        return found;
    }

private:
    // Before something that it refers to is there?
    [[nodiscard]] bool is_checked_with(Snapshot const& child, ObjectId const& id, Object const& key) const {
        if (child.of_rows() || !is_of(id, child)) return false;
        auto const has_column = [&](ObjectId const& need) {
            return need.kind == "column" && need.parent == id.parent && need.name == child.column;
        };
        if (child.kind == Kind::column && std::none_of(key.needs.begin(), key.needs.end(), has_column)) return false;
        return std::any_of(back_.begin(), back_.end(), [&](Snapshot const* parent) {
            return parent != &child && std::any_of(key.needs.begin(), key.needs.end(), [&](ObjectId const& need) {
                       return is_of(need, *parent) && may_come_later(child, *parent, need);
                   });
        });
    }

    [[nodiscard]] bool may_come_later(Snapshot const& child, Snapshot const& parent, ObjectId const& need) const {
        switch (parent.kind) {
            case Kind::column:
                return child.kind == Kind::column && need.kind == "column" && need.name == parent.column;
            case Kind::updated:
                return need.kind == "column" && has(parent.values, need.name);
            case Kind::table:
                return child.kind == Kind::column || refers_to(parent, child);
            default:
                return true;
        }
    }

    // By foreign keys between whole tables, over any number of them.
    [[nodiscard]] bool refers_to(Snapshot const& from, Snapshot const& to) const {
        std::set<Snapshot const*> seen{&from};
        std::vector<Snapshot const*> waiting{&from};
        while (!waiting.empty()) {
            auto const* child = waiting.back();
            waiting.pop_back();
            for (auto const& [id, key] : now_) {
                if (id.kind != "foreign_key" || !is_of(id, *child)) continue;
                for (auto const* parent : back_)
                    if (parent->kind == Kind::table && !seen.contains(parent) &&
                        std::any_of(key.needs.begin(), key.needs.end(), [&](ObjectId const& need) { return is_of(need, *parent); })) {
                        if (parent == &to) return true;
                        seen.insert(parent);
                        waiting.push_back(parent);
                    }
            }
        }
        return false;
    }

    Catalog const& now_;
    std::vector<Snapshot const*> back_;
};

}  // namespace

std::set<ObjectId> crossing_references(Catalog const& now, std::vector<Snapshot> const& snapshots) {
    return Crossing(now, snapshots).find();
}

bool may_cross(std::vector<Snapshot> const& snapshots) {
    return std::count_if(snapshots.begin(), snapshots.end(), comes_back) > 1 &&
           std::any_of(snapshots.begin(), snapshots.end(), [](Snapshot const& s) { return comes_back(s) && !s.of_rows(); });
}

bool is_number(Column const& column) {
    auto type = column.stored_type.empty() ? column.type : column.stored_type;
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (column.stored_type.empty()) return type.find("int") != std::string::npos;
    return type == "integer" || type == "int" || type == "bigint" || type == "smallint";
}

bool told_by_number(Snapshot const& s) {
    auto const& key = s.table.key;
    auto const brings_it_back = s.kind == Kind::deleted || (s.kind == Kind::updated && key.size() == 1 && has(s.values, key.front()));
    auto const* column = brings_it_back && key.size() == 1 ? s.table.column(key.front()) : nullptr;
    return column && is_number(*column);
}

}  // namespace undrop

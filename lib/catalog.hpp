// Catalog: the target's schema as a sorted set of objects. The core compares and orders texts; it does not know what a policy is.
#pragma once

#include <compare>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace undrop {

struct ObjectId {
    std::string kind;    // "table", "column", "index" ...
    std::string parent;  // what it belongs to, as `schema` or `schema.table`, quoted where needed; may be empty
    std::string name;    // raw; for functions with the argument types
    auto operator<=>(ObjectId const&) const = default;
    [[nodiscard]] std::string text() const { return kind + " " + (parent.empty() ? name : parent + "." + name); }
};

// What a way back, or another up after it, brings back beside what a script does.
struct ComesBack {
    std::set<ObjectId> objects = {};  // that are made again, or go
    std::set<std::string> relations =
        {};  // names of those that objects and saved rows have to do with, in whichever schema; and other names
};

// When an object is made: before rows come back or after, as pg_dump orders it.
enum class Section { before_data, after_data };

struct Object {
    std::string make;    // statements that make it (may be several, each ending in ';'); also its definition, for comparing
    std::string remove;  // statements that remove it; empty: it goes with its parent and cannot be removed alone
    std::string alter;   // statements that change an object of the same id and the same `shape` into this one; empty: there is no such way
    std::string shape;   // what `alter` cannot change
    std::vector<ObjectId> needs;  // must exist before this one
    Section section = Section::before_data;
    int rank = 0;             // order among kinds: lower is made earlier, removed later
    int order = 0;            // order within a kind, e.g. a column's number
    bool holds_rows = false;  // removing it takes rows or values away; never removed merely because something else depends on it

    std::vector<std::string> columns;  // not compared; recorded of a column: those of its table as it was, in order

    // Not compared, not stored: how the backend finds the object again within this transaction.
    std::string locator;

    [[nodiscard]] bool same(Object const& other) const { return make == other.make; }
};

// A map of objects whose copies share what they hold until one of them is changed: a step looks at the same schema many times.
class Catalog {
    using Map = std::map<ObjectId, Object>;

public:
    using key_type = Map::key_type;
    using mapped_type = Map::mapped_type;
    using value_type = Map::value_type;
    using iterator = Map::iterator;
    using const_iterator = Map::const_iterator;

    Catalog() : map_(nothing()) {}
    Catalog(Catalog const&) = default;
    Catalog(Catalog&& other) noexcept : map_(std::exchange(other.map_, nothing())) {}
    Catalog& operator=(Catalog const&) = default;
    Catalog& operator=(Catalog&& other) noexcept {
        map_.swap(other.map_);
        return *this;
    }
    ~Catalog() = default;
    Catalog(std::initializer_list<value_type> objects) : map_(std::make_shared<Map>(objects)) {}

    [[nodiscard]] bool empty() const { return map_->empty(); }
    [[nodiscard]] std::size_t size() const { return map_->size(); }
    [[nodiscard]] bool contains(ObjectId const& id) const { return map_->contains(id); }
    [[nodiscard]] Object const& at(ObjectId const& id) const { return map_->at(id); }
    [[nodiscard]] const_iterator find(ObjectId const& id) const { return map_->find(id); }
    [[nodiscard]] const_iterator lower_bound(ObjectId const& id) const { return map_->lower_bound(id); }
    [[nodiscard]] const_iterator begin() const { return map_->begin(); }
    [[nodiscard]] const_iterator end() const { return map_->end(); }

    // What changes it, or may, is this copy's alone from then on; iterators into it as it was before are not its own.
    [[nodiscard]] Object& at(ObjectId const& id) { return own().at(id); }
    [[nodiscard]] iterator find(ObjectId const& id) { return own().find(id); }
    [[nodiscard]] iterator begin() { return own().begin(); }
    [[nodiscard]] iterator end() { return own().end(); }
    Object& operator[](ObjectId const& id) { return own()[id]; }
    template <class... Values>
    auto emplace(Values&&... values) {
        return own().emplace(std::forward<Values>(values)...);
    }
    auto insert(value_type const& object) { return own().insert(object); }
    template <class From, class To>
    void insert(From from, To to) {
        own().insert(from, to);
    }
    void clear() { map_ = nothing(); }
    template <class T>
    auto insert_or_assign(ObjectId const& id, T&& object) {
        return own().insert_or_assign(id, std::forward<T>(object));
    }
    auto extract(ObjectId const& id) { return own().extract(id); }
    std::size_t erase(ObjectId const& id) { return own().erase(id); }
    iterator erase(iterator at) { return own().erase(at); }

    template <class Condition>
    friend std::size_t erase_if(Catalog& catalog, Condition const& condition) {
        return std::erase_if(catalog.own(), condition);
    }

private:
    static std::shared_ptr<Map> const& nothing() {
        static auto const map = std::make_shared<Map>();
        return map;
    }
    Map& own() {
        if (map_.use_count() > 1) map_ = std::make_shared<Map>(*map_);
        return *map_;
    }

    std::shared_ptr<Map> map_;
};

}  // namespace undrop

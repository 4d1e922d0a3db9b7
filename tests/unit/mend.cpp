#include "mend.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace undrop;

namespace {

ObjectId const table{"table", "public", "t"};
ObjectId const column{"column", "public.t", "c"};
ObjectId const on_c{"index", "public.t", "t_c_idx"};
ObjectId const view{"view", "public", "v"};

Object object(std::string make, std::string remove, int rank, std::vector<ObjectId> needs = {}, Section section = Section::before_data) {
    Object o;
    o.make = std::move(make);
    o.remove = std::move(remove);
    o.rank = rank;
    o.needs = std::move(needs);
    o.section = section;
    return o;
}

Catalog small() {
    Catalog catalog{{table, object("create t", "drop t", 30)},
                    {column, object("add c", "drop c", 31, {table})},
                    {on_c, object("create index", "drop index", 51, {table, column}, Section::after_data)},
                    {view, object("create v", "drop v", 60, {table, column}, Section::after_data)}};
    catalog[table].holds_rows = catalog[column].holds_rows = true;
    return catalog;
}

std::vector<std::string> sql(std::vector<MendAction> const& actions) {
    std::vector<std::string> out;
    for (auto const& a : actions)
        out.push_back(a.kind == MendAction::Kind::remove  ? a.object.remove
                      : a.kind == MendAction::Kind::alter ? a.object.alter
                                                          : a.object.make);
    return out;
}

Wanted all_of(Catalog const& catalog) {
    Wanted wanted;
    for (auto const& [id, o] : catalog) wanted.emplace(id, o);
    return wanted;
}

}  // namespace

TEST_CASE("a mend makes what is missing, rows' homes before indexes and views") {
    auto const plan = plan_mend({}, all_of(small()));
    CHECK(sql(plan.before_data) == std::vector<std::string>{"create t", "add c"});
    CHECK(sql(plan.after_data) == std::vector<std::string>{"create index", "create v"});
}

TEST_CASE("a mend of what is already there is empty") { CHECK(plan_mend(small(), all_of(small())).empty()); }

TEST_CASE("a mend removes dependents first and leaves the parts of a removed table to the table") {
    Wanted wanted;
    for (auto const& [id, o] : small()) wanted.emplace(id, std::nullopt);
    auto const plan = plan_mend(small(), wanted);
    CHECK(sql(plan.before_data) == std::vector<std::string>{"drop v", "drop t"});
}

TEST_CASE("what must be made anew takes its dependents along and makes them again") {
    auto now = small();
    auto const function = ObjectId{"function", "public", "f()"};
    now.emplace(function, object("create f 2", "drop f", 25));
    now.at(function).shape = "int";
    now.at(view).needs.push_back(function);
    Wanted wanted{{function, object("create f 1", "drop f", 25)}};
    wanted.at(function)->alter = "replace f 1";
    wanted.at(function)->shape = "text";
    auto const plan = plan_mend(now, wanted);
    CHECK(sql(plan.before_data) == std::vector<std::string>{"drop v", "drop f", "create f 1"});
    CHECK(sql(plan.after_data) == std::vector<std::string>{"create v"});
}

TEST_CASE("an object of the same shape is altered in place") {
    auto now = small();
    Wanted wanted{{on_c, object("create other index", "drop index", 51, {}, Section::after_data)}};
    wanted.at(on_c)->alter = "alter index";
    auto const plan = plan_mend(now, wanted);
    CHECK(plan.before_data.empty());
    CHECK(sql(plan.after_data) == std::vector<std::string>{"alter index"});
}

TEST_CASE("nothing that holds rows is removed because something else must be made anew") {
    auto now = small();
    auto const type = ObjectId{"type", "public", "e"};
    now.emplace(type, object("create e 2", "drop e", 15));
    now.at(column).needs.push_back(type);
    auto const plan = plan_mend(now, {{type, object("create e 1", "drop e", 15)}});
    CHECK(plan.refused.find("column public.t.c") != std::string::npos);
}

TEST_CASE("a type that is to go stays until the columns that use it have another one") {
    auto now = small();
    auto const old_type = ObjectId{"type", "public", "e"};
    auto const new_type = ObjectId{"type", "other", "e"};
    now.emplace(new_type, object("create new e", "drop new e", 15));
    now.at(column).needs.push_back(new_type);
    Wanted wanted{{old_type, object("create e", "drop e", 15)}, {new_type, std::nullopt}, {column, object("add c e", "drop c", 31)}};
    wanted.at(column)->alter = "alter c";
    wanted.at(column)->holds_rows = true;
    auto const plan = plan_mend(now, wanted);
    CHECK(sql(plan.before_data) == std::vector<std::string>{"drop v", "drop index", "create e", "alter c", "drop new e"});
    CHECK(sql(plan.after_data) == std::vector<std::string>{"create index", "create v"});
}

TEST_CASE("a cycle of needs still gives every object once") {
    auto objects = small();
    objects.at(table).needs.push_back(view);
    CHECK(in_making_order(objects).size() == objects.size());
}

TEST_CASE("differences are named") {
    auto now = small();
    now.erase(on_c);
    now.at(view).make = "create v2";
    auto wanted = all_of(small());
    wanted[table] = std::nullopt;
    auto const found = differences(now, wanted);
    CHECK(found == std::vector<std::string>{"index public.t.t_c_idx is missing", "table public.t is still there", "view public.v differs"});
}

TEST_CASE("tables that others refer to go after those, whatever they are called, and a circle is taken apart first") {
    auto const table_of = [](char const* name) { return ObjectId{"table", "public", name}; };
    auto const key_of = [](char const* name) { return ObjectId{"foreign_key", std::string("public.") + name, "fk"}; };
    Catalog catalog;
    auto const add = [&](char const* name) {
        catalog[table_of(name)] = object("", std::string("drop ") + name, 30);
        catalog[table_of(name)].holds_rows = true;
    };
    auto const refer = [&](char const* child, char const* parent) {
        catalog[key_of(child)] =
            object("", std::string("drop key of ") + child, 55, {table_of(child), table_of(parent)}, Section::after_data);
    };
    for (auto const* name : {"a", "b", "c"}) add(name);
    refer("a", "b");
    refer("b", "c");
    auto const removals = [&] {
        Wanted none;
        for (auto const& [id, o] : catalog) none.emplace(id, std::nullopt);
        return sql(plan_mend(catalog, none).before_data);
    };
    CHECK(removals() == std::vector<std::string>{"drop a", "drop b", "drop c"});

    refer("c", "b");
    CHECK(removals() == std::vector<std::string>{"drop key of c", "drop key of b", "drop c", "drop a", "drop b"});
}

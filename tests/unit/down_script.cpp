// What of a derived way back goes into a script, and what waits until values are back.
#include "down_script.hpp"

#include <doctest/doctest.h>

using namespace undrop;

namespace {

using Texts = std::vector<std::string>;

ObjectId const table{"table", "s", "t"};
ObjectId const column{"column", "s.t", "c"};
ObjectId const not_null{"not_null", "s.t", "c"};
ObjectId const index{"index", "s.t", "i"};

Mended make(ObjectId const& id, std::string const& sql, std::vector<ObjectId> needs = {}) {
    return {.kind = Mended::Kind::make,
            .id = id,
            .sql = sql,
            .needs = std::move(needs),
            .needed = {},
            .holds_rows = id == table || id == column};
}

Mended remove(ObjectId const& id, std::string const& sql, std::vector<ObjectId> needed = {}) {
    return {.kind = Mended::Kind::remove, .id = id, .sql = sql, .needs = {}, .needed = std::move(needed)};
}

}  // namespace

TEST_CASE("what counts on a column's values is left, and so is what needs that") {
    auto const script = write_down({make(column, "add c;"), make(not_null, "set not null;", {column}), make(index, "index;", {column}),
                                    make({"comment on index", "s", "i"}, "comment;", {index})},
                                   {});
    CHECK(script.statements == Texts{"add c;"});
    CHECK(script.left == Texts{"set not null;", "index;", "comment;"});
    CHECK(script.unfilled == std::vector<ObjectId>{column});
}

TEST_CASE("a table that the script makes is empty: everything on it goes along") {
    auto const script = write_down({make(table, "table;"), make(column, "add c;", {table}), make(not_null, "set not null;", {column})}, {});
    CHECK(script.statements == Texts{"table;", "add c;", "set not null;"});
    CHECK(script.left.empty());
}

TEST_CASE("a constant default is said with its column; one that is drawn for each row leaves the column to undrop") {
    auto const with = [&](std::string const& value) {
        return write_down({make(column, "ADD c int;"), make({"default", "s.t", "c"}, "ALTER c SET DEFAULT " + value + ";", {column})}, {});
    };
    CHECK(with("7").statements == Texts{"ADD c int DEFAULT 7;"});
    CHECK(with("7").left.empty());
    CHECK(with("f()").statements.empty());
    CHECK(with("f()").left == Texts{"ADD c int;", "ALTER c SET DEFAULT f();"});
}

TEST_CASE("constraints wait where the up wrote rows") {
    CHECK(write_down({make(index, "index;")}, {}).statements == Texts{"index;"});
    CHECK(write_down({make(index, "index;")}, {.before = {}, .up_writes = true, .column_changes = {}, .rebuilt = {}}).left ==
          Texts{"index;"});
}

TEST_CASE("a column's other type is undrop's, with what steps aside for it and what still needs it") {
    ObjectId const type{"type", "s", "new"};
    ObjectId const view{"view", "s", "v"};
    Mended retype{.kind = Mended::Kind::alter, .id = column, .sql = "type text;", .needs = {}, .needed = {type}, .holds_rows = true};
    auto const script =
        write_down({remove(view, "drop view;", {column}), retype, remove(type, "drop type;"), make(view, "view;", {column})}, {});
    CHECK(script.statements.empty());
    CHECK(script.left == Texts{"drop view;", "type text;", "drop type;", "view;"});
}

TEST_CASE("owners and rights of what is made are nobody's to say") {
    auto const script = write_down({make(table, "table;"), make({"owner of table", "s", "t"}, "owner;", {table})}, {});
    CHECK(script.statements == Texts{"table;"});
    CHECK(script.left.empty());
    CHECK(script.leaves_rights);
    CHECK(write_down({make({"grants on table", "s", "t"}, "grant;", {table})}, {}).statements == Texts{"grant;"});
}

#include <undrop/sqlite.hpp>

#include <sqlite3.h>

#include "consumer.hpp"

namespace {

sqlite3* handle = nullptr;

std::string read() {
    bool const has_value =
        sqlite3_table_column_metadata(handle, nullptr, "thing", "value", nullptr, nullptr, nullptr, nullptr, nullptr) == SQLITE_OK;
    std::string rows;
    auto const add = [](void* out, int, char** cells, char**) {
        static_cast<std::string*>(out)->append(cells[0]).append("|").append(cells[1]).append(" ");
        return 0;
    };
    sqlite3_exec(handle, has_value ? "select id, value from thing order by id" : "select id, '' from thing order by id", add, &rows,
                 nullptr);
    return rows;
}

}  // namespace

void play_sqlite() {
    auto opened = undrop::Target::open("sqlite:opened.db?create=1");
    expect(opened.has_value(), "a file is made");
    expect(sqlite3_open("attached.db", &handle) == SQLITE_OK, "a handle of our own");
    {
        auto target = undrop::sqlite::attach(handle).value();
        play(target, read);
    }
    expect(sqlite3_close(handle) == SQLITE_OK, "nothing of undrop's is left open on our handle");
}

// Observer: what SQLite's preupdate hook tells: which table, which operation, which row number. Never its values: they are wrong for
// columns that ALTER TABLE added. It runs inside SQLite, so no SQL here. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "sqlite/row_set.hpp"

struct sqlite3;

namespace undrop::sqlite {

class Observer {
public:
    struct Seen {
        std::int64_t inserted = 0;
        std::int64_t updated = 0;
        std::int64_t deleted = 0;
        bool written_by_script = false;  // inserted or updated
        bool touched_by_script = false;  // in any way
        RowSet rows;                     // numbers of the rows that the script inserted or updated, as far as they are still there
        RowSet born;                     // numbers of those that the script inserted
        std::unordered_map<std::int64_t, std::int64_t> moved;  // other rows whose number an UPDATE changed: number now, number before
        RowSet taken;                                          // numbers, before, of the rows that the script updated or deleted
    };

    explicit Observer(sqlite3* handle) : handle_(handle) {}
    ~Observer() { stop(); }
    Observer(Observer const&) = delete;
    Observer& operator=(Observer const&) = delete;

    void start();  // forgets what was seen
    void stop();   // takes the hook away; what was seen stays until `start`
    [[nodiscard]] bool watching() const { return watching_; }

    // Which table a name means from now on: name -> id.
    void bind(std::map<std::string, std::string> names);
    void script(bool running) { script_ = running; }
    void pause(bool paused) { paused_ = paused; }

    [[nodiscard]] std::map<std::string, Seen>& seen() { return seen_; }                    // by id
    [[nodiscard]] std::map<std::string, Seen> const& unknown() const { return unknown_; }  // by name: no table that was bound
    [[nodiscard]] std::set<std::string> const& other_schemas() const { return other_schemas_; }
    [[nodiscard]] bool failed() const { return failed_; }  // out of memory: nothing that was seen may be trusted

private:
    static void hook(void* self, sqlite3*, int operation, char const* schema, char const* table, std::int64_t before, std::int64_t after);
    void see(int operation, std::string_view schema, char const* table, std::int64_t before, std::int64_t after);
    [[nodiscard]] Seen& find(char const* table);
    static void move(Seen& seen, int operation, std::int64_t before, std::int64_t after);

    sqlite3* handle_;
    bool watching_ = false;
    bool script_ = false;
    bool paused_ = false;
    bool failed_ = false;
    std::map<std::string, std::string> names_;
    std::map<std::string, Seen> seen_;
    std::map<std::string, Seen> unknown_;
    std::set<std::string> other_schemas_;
    std::string last_name_;  // rows come in runs of one table
    Seen* last_ = nullptr;
};

}  // namespace undrop::sqlite

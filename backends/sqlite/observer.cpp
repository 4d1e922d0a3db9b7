#include "sqlite/observer.hpp"

#include <sqlite3.h>

#include <exception>

namespace undrop::sqlite {

void Observer::start() {
    seen_.clear();
    unknown_.clear();
    other_schemas_.clear();
    last_ = nullptr;
    failed_ = false;
    paused_ = false;
    script_ = false;
    watching_ = true;
    sqlite3_preupdate_hook(
        handle_,
        [](void* self, sqlite3* handle, int operation, char const* schema, char const* table, sqlite3_int64 before, sqlite3_int64 after) {
            hook(self, handle, operation, schema, table, before, after);
        },
        this);
}

void Observer::stop() {
    if (watching_) sqlite3_preupdate_hook(handle_, nullptr, nullptr);
    watching_ = false;
}

void Observer::bind(std::map<std::string, std::string> names) {
    names_ = std::move(names);
    last_ = nullptr;
}

Observer::Seen& Observer::find(char const* table) {
    if (last_ == nullptr || last_name_ != table) {
        last_name_ = table;
        auto const id = names_.find(last_name_);
        last_ = id == names_.end() ? &unknown_[last_name_] : &seen_[id->second];
    }
    return *last_;
}

void Observer::see(int operation, std::string_view schema, char const* table, std::int64_t before, std::int64_t after) {
    if (schema == "temp") return;
    if (schema != "main") {
        other_schemas_.emplace(schema);
        return;
    }
    auto& seen = find(table);
    if (operation == SQLITE_INSERT) ++seen.inserted;
    if (operation == SQLITE_UPDATE) ++seen.updated;
    if (operation == SQLITE_DELETE) ++seen.deleted;
    bool const leaves_number = operation == SQLITE_DELETE || (operation == SQLITE_UPDATE && before != after);
    if (leaves_number && !seen.rows.empty()) seen.rows.remove(before);
    if (!script_) return;
    seen.touched_by_script = true;
    move(seen, operation, before, after);
    if (operation != SQLITE_INSERT) seen.taken.add(before);
    if (operation == SQLITE_DELETE) return;
    seen.written_by_script = true;
    seen.rows.add(after);
}

// Which number each row had before the script.
void Observer::move(Seen& seen, int operation, std::int64_t before, std::int64_t after) {
    if (operation == SQLITE_INSERT) seen.born.add(after);
    if (operation == SQLITE_INSERT || (operation == SQLITE_UPDATE && before == after)) return;
    bool const born = seen.born.contains(before);
    if (born) seen.born.remove(before);
    auto const known = seen.moved.extract(before);
    if (operation == SQLITE_DELETE) return;
    auto const first = known.empty() ? before : known.mapped();
    if (born)
        seen.born.add(after);
    else if (first != after)
        seen.moved.emplace(after, first);
}

void Observer::hook(void* self, sqlite3*, int operation, char const* schema, char const* table, std::int64_t before, std::int64_t after) {
    auto& observer = *static_cast<Observer*>(self);
    if (observer.paused_) return;
    try {
        observer.see(operation, schema, table, before, after);
    } catch (std::exception const&) {
        observer.failed_ = true;
    }
}

}  // namespace undrop::sqlite

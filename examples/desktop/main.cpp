// A desktop program with its own SQLite handle, function and collation. The migrations use both, so they have to run on this handle.
//
//     notes FILE          migrates, and lists the notes
//     notes FILE TITLE    also adds one first
#include <algorithm>
#include <cctype>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include <undrop/sqlite.hpp>
#include <undrop/undrop.hpp>
#include <undrop_migrations/notes.hpp>

namespace {

struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// slug('To do: buy bread') is 'to-do-buy-bread'
void slug(sqlite3_context* context, int, sqlite3_value** values) {
    auto const* text = reinterpret_cast<char const*>(sqlite3_value_text(values[0]));
    std::string made;
    for (char c : std::string_view(text == nullptr ? "" : text)) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            made += lower(c);
        } else if (!made.empty() && made.back() != '-') {
            made += '-';
        }
    }
    if (!made.empty() && made.back() == '-') made.pop_back();
    sqlite3_result_text(context, made.data(), static_cast<int>(made.size()), SQLITE_TRANSIENT);
}

// Without regard to case.
int shelf_order(void*, int a_size, void const* a, int b_size, void const* b) {
    std::string_view const x(static_cast<char const*>(a), static_cast<std::size_t>(a_size));
    std::string_view const y(static_cast<char const*>(b), static_cast<std::size_t>(b_size));
    auto const less = [](char p, char q) { return lower(p) < lower(q); };
    if (std::ranges::lexicographical_compare(x, y, less)) return -1;
    return std::ranges::lexicographical_compare(y, x, less) ? 1 : 0;
}

Handle open(char const* file) {
    sqlite3* raw = nullptr;
    int const code = sqlite3_open_v2(file, &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    Handle handle(raw);
    if (code != SQLITE_OK) return nullptr;
    sqlite3_create_function(raw, "slug", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, slug, nullptr, nullptr);
    sqlite3_create_collation(raw, "shelf", SQLITE_UTF8, nullptr, shelf_order);
    return handle;
}

// The target lives only here: afterwards the handle is as it was.
undrop::Result<undrop::Report> migrate(sqlite3* handle) {
    auto target = undrop::sqlite::attach(handle);
    if (!target) return target.error();
    auto source = undrop::Source::embedded(undrop_migrations::notes::files(), "notes");
    if (!source) return source.error();
    undrop::Options options;
    options.label = "notes 2.0";
    options.program = "notes";
    return undrop::migrate(target.value(), source.value(), options);
}

Statement prepare(sqlite3* handle, char const* sql) {
    sqlite3_stmt* raw = nullptr;
    sqlite3_prepare_v2(handle, sql, -1, &raw, nullptr);
    return Statement(raw);
}

bool add(sqlite3* handle, char const* title) {
    auto const statement = prepare(handle, "insert into note (title) values (?1)");
    sqlite3_bind_text(statement.get(), 1, title, -1, SQLITE_TRANSIENT);
    return sqlite3_step(statement.get()) == SQLITE_DONE;
}

bool list(sqlite3* handle) {
    auto const statement = prepare(handle, "select title, slug from note order by title");
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
        std::cout << sqlite3_column_text(statement.get(), 0) << " (" << sqlite3_column_text(statement.get(), 1) << ")\n";
    }
    return code == SQLITE_DONE;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::cerr << "usage: notes FILE [TITLE]\n";
        return 2;
    }
    Handle const handle = open(argv[1]);
    if (!handle) {
        std::cerr << argv[1] << " cannot be opened.\n";
        return 1;
    }
    auto const report = migrate(handle.get());
    if (!report) {
        std::cerr << report.error().text() << '\n';
        return 1;
    }
    for (undrop::StepReport const& step : report.value().steps) std::clog << "migrated: " << step.version << ' ' << step.name << '\n';
    bool const done = (argc < 3 || add(handle.get(), argv[2])) && list(handle.get());
    if (!done) std::cerr << sqlite3_errmsg(handle.get()) << '\n';
    return done ? 0 : 1;
}

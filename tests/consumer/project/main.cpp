#include "consumer.hpp"

#include <cstdlib>
#include <iostream>

#include <undrop_migrations/my_consumer.hpp>

void expect(bool good, std::string const& what) {
    if (good) return;
    std::cerr << "not so: " << what << '\n';
    std::exit(1);
}

void play(undrop::Target& target, Read read) {
    auto const files = undrop_migrations::my_consumer::files();
    expect(files.size() == 4, "four files are compiled in");
    auto const source = undrop::Source::embedded(files, "consumer").value();
    expect(source.migrations.size() == 2, "two migrations are compiled in");

    auto const up = undrop::migrate(target, source).value();
    expect(up.steps.size() == 2, "two migrations ran");
    expect(read() == "1| 2| 3| ", "the column is gone; rows: " + read());
    expect(undrop::migrate(target, source).value().run == 0, "nothing is pending");

    auto approved = undrop::approve(undrop::plan_down(target, source).value()).value();
    auto const down = undrop::apply(target, approved).value();
    std::cout << down << '\n';
    expect(read() == "1|it's 2|Ünïcode 3|a \"b\"; -- ", "the values are back; rows: " + read());

    auto const missing = undrop::Target::open("nonsense:");
    expect(!missing && missing.error().code == undrop::Code::usage, "a URL that is none is refused");
    try {
        (void)missing.value();
        expect(false, "value() of an error throws");
    } catch (undrop::Failure const& failure) {
        expect(failure.error().code == undrop::Code::usage, "the exception holds the error");
    }
}

int main() try {
    compare_compiled_in();
#ifdef WITH_sqlite
    play_sqlite();
#else
    expect(!undrop::Target::open("sqlite:consumer.db?create=1"), "SQLite was left out");
#endif
#ifdef WITH_postgres
    play_postgres();
#else
    expect(!undrop::Target::open("postgresql:///consumer"), "PostgreSQL was left out");
#endif
    std::cout << "All is well.\n";
    return 0;
} catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
}

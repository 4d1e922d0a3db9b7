// A program with one instance, whose releases go forth and back: the older release, started again after a newer one, takes back what the
// newer one did to the database. It does not have the newer one's scripts; the database has them, and what they took away.
//
//     SHOP_DATABASE=postgresql://shop@db1/shop shop_1
#include "shop.hpp"

#include <cstdlib>
#include <iostream>

namespace {

int fail(undrop::Error const& error) {
    std::cerr << error.text() << '\n';
    return error.code == undrop::Code::refused ? 3 : 1;
}

}  // namespace

int start(char const* release, std::span<undrop::EmbeddedFile const> migrations) {
    char const* url = std::getenv("SHOP_DATABASE");
    if (url == nullptr) {
        std::cerr << "Set SHOP_DATABASE, e.g. to sqlite:shop.db?create=1\n";
        return 2;
    }
    auto target = undrop::Target::open(url);
    if (!target) return fail(target.error());
    auto source = undrop::Source::embedded(migrations, release);
    if (!source) return fail(source.error());

    undrop::Options options;
    options.label = release;
    options.program = release;
    options.ahead = undrop::Ahead::roll_back;  // one instance: nobody else needs what is taken back
    auto report = undrop::migrate(target.value(), source.value(), options);
    if (!report) return fail(report.error());

    for (auto const& step : report.value().steps) std::cout << name_of(step.direction) << ' ' << step.version << ' ' << step.name << '\n';
    std::cout << release << " serves.\n";
    return 0;
}

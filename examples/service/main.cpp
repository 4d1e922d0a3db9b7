// A service that brings its database up to date before it serves. Many replicas may start at once: each migration runs exactly once,
// the others wait and find nothing pending. The migrations are compiled in, so the program and its schema cannot part.
//
//     SHOP_DATABASE=postgresql://shop@db1/shop shop_service
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <undrop/undrop.hpp>
#include <undrop_migrations/shop_service.hpp>

namespace {

std::atomic<bool> stopping = false;

int fail(undrop::Error const& error) {
    std::cerr << error.text() << '\n';
    // Somebody else is migrating, or holds a lock: whoever started us tries again. EX_TEMPFAIL, as sysexits.h has it.
    return error.code == undrop::Code::busy ? 75 : 1;
}

int start() {
    char const* url = std::getenv("SHOP_DATABASE");
    if (url == nullptr) {
        std::cerr << "Set SHOP_DATABASE, e.g. to sqlite:shop.db?create=1\n";
        return 2;
    }
    auto target = undrop::Target::open(url);
    if (!target) return fail(target.error());
    auto source = undrop::Source::embedded(undrop_migrations::shop_service::files(), "shop_service");
    if (!source) return fail(source.error());

    using namespace std::chrono_literals;
    undrop::Options options;
    options.label = "shop 1.15.2";  // taken back as one: undrop down --label "shop 1.15.2"
    options.program = "shop_service";
    options.wait = 5min;  // for another replica that is migrating
    options.on_event = [](undrop::Event const& event) { std::clog << event.text << '\n'; };
    options.cancelled = [] { return stopping.load(); };

    auto report = undrop::migrate(target.value(), source.value(), options);
    if (!report) return fail(report.error());

    if (report.value().run == 0) {
        std::cout << "Nothing was pending.\n";
    } else {
        std::cout << report.value() << '\n';
    }
    std::cout << "Serving " << target.value().description() << ".\n";  // here the service would begin
    return 0;
}

}  // namespace

int main() {
    std::signal(SIGTERM, [](int) { stopping = true; });
    return start();
}

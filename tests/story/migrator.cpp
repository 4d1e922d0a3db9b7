// One of many programs that start at the same time: migrator URL DIRECTORY. Prints how many steps it applied.
#include <cstdio>

#include <undrop/undrop.hpp>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    auto target = undrop::Target::open(argv[1]);
    if (!target) {
        std::fprintf(stderr, "%s\n", target.error().text().c_str());
        return 1;
    }
    auto const source = undrop::Source::directory(argv[2]);
    auto const report = undrop::migrate(target.value(), source.value());
    if (!report) {
        std::fprintf(stderr, "%s\n", report.error().text().c_str());
        return 1;
    }
    std::printf("%d\n", static_cast<int>(report.value().steps.size()));
    return 0;
}

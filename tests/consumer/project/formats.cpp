// Another tool's layout, compiled in: the same migrations as those of the directory.
#include "consumer.hpp"

#include <undrop_migrations/formats.hpp>

void compare_compiled_in() {
    auto const compiled = undrop::Source::embedded(undrop_migrations::formats::files()).value();
    auto const read = undrop::Source::directory(DIESEL_DIRECTORY).value();
    expect(compiled.format == "diesel" && read.format == "diesel", "the layout is known");
    expect(compiled.migrations.size() == 2 && read.migrations.size() == 2, "two migrations of diesel's are compiled in");
    for (std::size_t i = 0; i < 2; ++i) {
        auto const& a = compiled.migrations[i];
        auto const& b = read.migrations[i];
        expect(a.version == b.version && a.name == b.name, "versions and names are the same");
        expect(undrop::checksum(a.up.text) == undrop::checksum(b.up.text), "checksums are the same");
        expect(a.down.has_value() == b.down.has_value() && (!a.down || a.down->text == b.down->text), "the ways back are the same");
        expect(undrop::directives(a.up).value().no_transaction == undrop::directives(b.up).value().no_transaction, "and so are marks");
    }
}

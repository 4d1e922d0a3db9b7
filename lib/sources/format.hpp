// Format: how one tool lays its migrations out in a directory. Pure: files in, migrations out; all const, thread-safe.
// docs/adding.md shows how to add one.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <undrop/source.hpp>

namespace undrop::sources {

// One file below the directory. Of those that no format looks into, only the name is known.
struct File {
    std::string name;   // below the directory: 1_a.up.sql, 1_a/up.sql
    std::string where;  // for messages
    std::string text;

    [[nodiscard]] std::string_view base() const;    // behind the last /
    [[nodiscard]] std::string_view folder() const;  // before it; empty: none
};
using Files = std::vector<File>;  // by name

// How a tool orders versions: as numbers, by their bytes, or as some file says.
enum class Order { numbers, bytes, listed };

class Format {
public:
    Format(std::string_view name, std::string_view summary, Order order) : name_(name), summary_(summary), order_(order) {}
    virtual ~Format() = default;
    Format(Format const&) = delete;
    Format& operator=(Format const&) = delete;

    [[nodiscard]] std::string_view name() const { return name_; }
    [[nodiscard]] std::string_view summary() const { return summary_; }
    // Where this and version_less differ, the directory is refused.
    [[nodiscard]] Order order() const { return order_; }

    // Is this the layout of the directory, and could it be no other's? What two say of one directory, the user has to tell.
    [[nodiscard]] virtual bool fits(Files const& files) const = 0;

    // The migrations in the order in which the tool would run them. Errors: Code::refused with the file.
    [[nodiscard]] virtual Result<std::vector<Migration>> read(Files const& files, SourceWish const& wish) const = 0;

    // What the tool keeps in its history of a file, to know it again.
    [[nodiscard]] virtual std::optional<std::string> checksum_of(File const&, SourceWish const&) const { return {}; }

private:
    std::string_view name_;
    std::string_view summary_;
    Order order_;
};

// All of them, as --help lists them; made once.
[[nodiscard]] std::span<Format const* const> formats();
// By its name, or by that of a tool whose files are the same; null: there is none.
[[nodiscard]] Format const* format_of(std::string_view name);

// One file each.
[[nodiscard]] Format const& pairs();
[[nodiscard]] Format const& whole_names();
[[nodiscard]] Format const& diesel();
[[nodiscard]] Format const& hasura();
[[nodiscard]] Format const& dbmate();
[[nodiscard]] Format const& goose();
[[nodiscard]] Format const& flyway();
[[nodiscard]] Format const& sqitch();
[[nodiscard]] Format const& prisma();
[[nodiscard]] Format const& drizzle();
[[nodiscard]] Format const& plain();
[[nodiscard]] Format const& pop();
[[nodiscard]] Format const& postgrator();

}  // namespace undrop::sources

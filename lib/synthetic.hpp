// Synthetic rows: made ones, that go for the edges of what a schema allows. Only for sandboxes. One thread at a time.
//
// Which values a column may have the backend says; whether a row is allowed the database: a row that it refuses is tried again with others.
// The same schema and the same seed give the same rows on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "sandbox.hpp"

namespace undrop {

// SplitMix64: small, and the same everywhere, which the standard library's distributions are not.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    [[nodiscard]] std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15U;
        auto z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }
    [[nodiscard]] std::size_t below(std::size_t end) { return end == 0 ? 0 : static_cast<std::size_t>(next() % end); }
    [[nodiscard]] bool one_in(std::size_t n) { return below(n) == 0; }
    template <class T>
    [[nodiscard]] T const& pick(std::vector<T> const& from) {
        return from[below(from.size())];
    }

private:
    std::uint64_t state_;
};

// What a column may be given. Values are SQL.
struct MadeColumn {
    std::string name;
    bool left_alone = false;  // computed, drawn by the database
    bool takes_null = true;
    bool unique = false;                                    // by itself
    std::vector<std::string> edges;                         // the least, the longest, what is written oddly
    std::vector<std::string> hints;                         // what the table's own conditions mention
    std::function<std::string(Random&, std::int64_t)> any;  // the number: of the row, so that it can be a value that no other has
    std::function<std::string(std::int64_t)> plain;         // small, short, positive: what most conditions let through
};

class ValueSource {
public:
    virtual ~ValueSource() = default;
    [[nodiscard]] virtual Result<std::vector<MadeColumn>> columns(Table const& table) = 0;
    [[nodiscard]] virtual Result<std::vector<ForeignKey>> foreign_keys(Table const& table) = 0;
    // An expression that gives a value as SQL writes it.
    [[nodiscard]] virtual std::string as_sql(std::string const& expression) const = 0;
    // In the transaction, which goes on. False: the database refuses the row.
    [[nodiscard]] virtual Result<bool> insert(std::string const& sql) = 0;
};

// Fills every table of the sandbox through this session of it, triggers off, in one transaction. Those that got no row, or fewer than were
// wished for, the sandbox names.
[[nodiscard]] Result<void> make_synthetic_rows(Backend& backend, ValueSource& values, SandboxWish const& wish, Sandbox& sandbox);

// One more row of a table, triggers as they are, in the transaction at hand, which goes on. False: it takes none.
[[nodiscard]] Result<bool> make_row(Backend& backend, ValueSource& values, Table const& table);

}  // namespace undrop

// Sandbox: a disposable database that undrop has made and marked itself (P10). One thread at a time; outlives its backend's users.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <undrop/rehearse.hpp>
#include <undrop/result.hpp>

namespace undrop {

class Backend;
class ValueSource;
struct Statement;

inline constexpr char const* local_server = "local";  // SandboxWish::elsewhere: a server of its own
inline constexpr std::int64_t usual_rows = 100;       // of a table, where nobody says how many

struct SandboxWish {
    RehearsalData data = {};
    std::string elsewhere = {};  // URL of another server; empty: the target's own
    std::string ledger = "undrop";
    std::function<bool()> cancelled = {};
    std::function<void(Filling const&)> on_rows = {};

    [[nodiscard]] bool is_cancelled() const { return cancelled && cancelled(); }
    // The rows go through our own hands; else the whole database goes through its own tools.
    [[nodiscard]] bool by_rows() const { return data.mode != DataMode::migrations && (data.mode != DataMode::full || !data.masks.empty()); }
    [[nodiscard]] std::int64_t rows_of_a_table() const { return data.rows > 0 ? data.rows : usual_rows; }
};

// Definitions by what they are of ("TABLE public.t"), as another program than undrop reads them out of a database.
using SchemaText = std::map<std::string, std::string>;

class Sandbox {
public:
    virtual ~Sandbox() = default;  // the quiet way to end()
    [[nodiscard]] virtual Backend& backend() = 0;
    // Drops the sandbox. An error says what is left behind; nothing may be asked of the backend afterwards.
    [[nodiscard]] virtual Result<void> end() = 0;

    // That program, with its version; empty: there is none, or none that says more than undrop's own reading.
    [[nodiscard]] virtual std::string witness() { return {}; }
    [[nodiscard]] virtual Result<SchemaText> seen_by_witness() { return SchemaText{}; }
    // Where each table's rows are stored, by its id: another place says that they were written anew. In the transaction at hand.
    [[nodiscard]] virtual Result<std::map<std::string, std::string>> storage() { return std::map<std::string, std::string>{}; }

    // What the statement does to more than the sandbox, for good; empty: nothing.
    [[nodiscard]] virtual std::string reaches_beyond(Statement const&) const { return {}; }
    // Ends what a session keeps to itself, which the next step of a program would not find.
    [[nodiscard]] virtual Result<void> end_session() { return BOOST_OUTCOME_V2_NAMESPACE::success(); }
    // Data that no table holds, by what it is called, and a digest of it.
    [[nodiscard]] virtual Result<SchemaText> beside_tables() { return SchemaText{}; }

    // Which values its columns may be given.
    [[nodiscard]] virtual std::unique_ptr<ValueSource> values() = 0;

    // Does the error say something of the sandbox (no room, its server is gone) rather than of what ran in it?
    [[nodiscard]] virtual bool is_to_blame(Error const&) const { return false; }

    // For the evidence.
    std::vector<std::string> notes;
    std::vector<std::string> not_filled;
};

}  // namespace undrop

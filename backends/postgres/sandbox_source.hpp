// What of a target goes into a sandbox by our own hands: its tables and what their rows refer to, read in one snapshot. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "postgres_backend.hpp"
#include "sandbox.hpp"

namespace undrop::postgres {

struct SourceColumn {
    std::string name;  // raw
    std::string mask;  // expression in its place; empty: itself
};

struct SourceTable {
    std::string schema;                 // raw
    std::string name;                   // raw
    std::string sql;                    // quoted
    bool partitioned = false;           // its rows are in its partitions
    bool ours = false;                  // of undrop's ledger
    std::int64_t rows = 0;              // about
    std::vector<SourceColumn> columns;  // but for computed ones
    std::vector<std::string> key;       // quoted names of the primary key's columns
    [[nodiscard]] std::string text() const { return schema + "." + name; }
};

struct SourceKey {
    struct Pair {
        std::string child;  // quoted column
        std::string parent;
        std::string compare;  // operator of parent = child
        std::string type;     // of the child's column
    };
    std::string child;  // quoted tables
    std::string parent;
    bool child_partitioned = false;
    std::vector<Pair> pairs;
};

class SandboxSource {
public:
    // Opens the snapshot, on a connection of its own. Code::usage for a mask that names nothing, or what cannot be masked.
    [[nodiscard]] static Result<std::unique_ptr<SandboxSource>> open(std::unique_ptr<PostgresBackend> connection, SandboxWish const& wish);

    [[nodiscard]] PostgresBackend& backend() { return *backend_; }
    [[nodiscard]] std::string const& snapshot() const { return snapshot_; }  // for pg_dump
    [[nodiscard]] std::vector<SourceTable> const& tables() const { return tables_; }
    [[nodiscard]] std::vector<SourceKey> const& keys() const { return keys_; }
    [[nodiscard]] std::vector<std::string> const& positions() const { return positions_; }  // statements that set sequences

private:
    explicit SandboxSource(std::unique_ptr<PostgresBackend> backend) : backend_(std::move(backend)) {}
    [[nodiscard]] Result<void> read(std::string const& ledger);
    [[nodiscard]] Result<void> read_keys();
    [[nodiscard]] Result<void> put_on(std::vector<Mask> const& masks);
    [[nodiscard]] Result<void> hand_masks_down();

    std::unique_ptr<PostgresBackend> backend_;
    std::string snapshot_;
    std::vector<SourceTable> tables_;
    std::vector<SourceKey> keys_;
    std::vector<std::string> positions_;
};

// Copies the rows that the wish asks for: of the ledger what is no snapshot's; of the users' tables, with `sample`, some rows and those
// that they refer to; with `full` all. `into` has the tables, and nothing yet that could refuse rows or be fired by them.
[[nodiscard]] Result<void> copy_rows(SandboxSource& source, PostgresBackend& into, SandboxWish const& wish);

// Sequences go on from where the target's are. Once all is made.
[[nodiscard]] Result<void> set_positions(SandboxSource& source, PostgresBackend& into);

// Code::refused, by name, for what the target's schema counts on and the server of the sandbox lacks: extensions and roles.
[[nodiscard]] Result<void> prove_fit(PostgresBackend& target, PostgresBackend& server);

}  // namespace undrop::postgres

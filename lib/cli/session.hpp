// Session: one invocation's flags and settings, and the ways to database, source and options that all verbs share.
#pragma once

#include <undrop/undrop.hpp>

#include "settings.hpp"

namespace undrop::cli {

class Session {
public:
    Session(Flags flags, Settings settings) : flags_(std::move(flags)), settings_(std::move(settings)) {}

    [[nodiscard]] Flags const& flags() const { return flags_; }
    [[nodiscard]] Settings const& settings() const { return settings_; }

    // All throw Failure. `create`: a SQLite file that is not there is made.
    [[nodiscard]] Target open(bool create = false) const;
    [[nodiscard]] Source source() const;
    [[nodiscard]] SourceWish source_wish() const;
    // For verbs that the ledger alone can serve (P4): without --dir and without the usual directory it is empty.
    [[nodiscard]] Source source_or_ledger() const;
    [[nodiscard]] Options options() const;
    [[nodiscard]] std::string directory() const;  // --dir, else migrations, else db/migrations

private:
    Flags flags_;
    Settings settings_;
};

}  // namespace undrop::cli

// A pgbouncer of a test's own in front of the throwaway PostgreSQL, on a socket in a private directory; it ends with its object.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/database.hpp"

namespace undrop::test {

class Pooler {
public:
    // Each transaction takes the session that was idle for the longest time, so that successive ones run in different sessions.
    explicit Pooler(Database& db, std::string const& mode = "transaction", int sessions = 4);
    ~Pooler();
    Pooler(Pooler const&) = delete;
    Pooler& operator=(Pooler const&) = delete;

    [[nodiscard]] std::string url() const { return url_; }  // of the test's database
    // All of its sessions are opened; each of them in words: settings, role, what is prepared, held or temporary in it.
    [[nodiscard]] std::string sessions() const;

private:
    Directory directory_;
    std::string url_;
    std::size_t sessions_;
    pid_t child_ = 0;
};

}  // namespace undrop::test

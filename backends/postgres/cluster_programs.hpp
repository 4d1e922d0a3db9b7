// PostgreSQL's server programs on this machine, and how they are started: not by root. POSIX only.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <undrop/result.hpp>

namespace undrop::postgres {

// Who runs the server: whoever we are; for root the user postgres, else nobody.
struct ServerUser {
    uid_t uid = 0;
    gid_t gid = 0;
};
[[nodiscard]] Result<ServerUser> server_user();

// The folder with initdb and postgres, of the newest version that is not older than this major one.
[[nodiscard]] Result<std::string> find_server_programs(int version);

// The process; -1 and errno where there is none. `with_us`: it ends when we do, where the system can see to that.
[[nodiscard]] pid_t start_program(std::vector<std::string> words, ServerUser const& user, std::string const& folder, std::string const& log,
                                  bool with_us);

}  // namespace undrop::postgres

// A PostgreSQL server of a test's own, for what would disturb others: it is killed, restarted, followed by a standby.
#pragma once

#include <memory>
#include <string>

#include "support/database.hpp"

namespace undrop::test {

class Server {
public:
    Server();  // running, with an empty database of the role `owner`, who is no superuser
    ~Server();
    Server(Server const&) = delete;
    Server& operator=(Server const&) = delete;

    // Another server that follows this one, and takes no writes.
    [[nodiscard]] std::unique_ptr<Server> standby();

    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::string socket() const { return path_; }  // the directory; the port is 5432
    void stop_at_once();                                        // as after a crash: nothing is brought to an end
    void kill_postmaster();                                     // kill -9 of the first process; the others notice
    void start(int most_kilobytes = 0);                         // waits until it takes connections; no file may be larger, but for 0

private:
    explicit Server(Server const& primary, std::string const& copy);
    void as_server(std::string const& command, std::string const& limit = {}) const;

    std::string path_;
};

}  // namespace undrop::test

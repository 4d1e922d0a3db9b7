// Stands between libpq and a PostgreSQL server, and cuts the connection at a certain request: a lost connection that is counted, not timed.
//
// A request is what gets an answer: a connection, a statement, the data of a COPY. Those of all connections count, from cut_at() on.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "support/database.hpp"

namespace undrop::test {

class Relay {
public:
    enum class Cut {
        before,  // the server never gets the request
        after,   // the server is through with it, and the answer is lost
        gone     // like `before`, and nobody is let in again until the next cut_at() or mend()
    };

    explicit Relay(std::string const& server_url);
    ~Relay();
    Relay(Relay const&) = delete;
    Relay& operator=(Relay const&) = delete;

    [[nodiscard]] std::string url() const { return url_; }  // the same database by way of the relay
    void cut_at(int request, Cut how);
    void cut_at_commit(int which, Cut how);  // the which-th COMMIT that comes by
    void mend();                             // nothing is cut any more
    [[nodiscard]] int requests() const;      // since cut_at()
    [[nodiscard]] bool has_cut() const;

private:
    struct Pair;  // a client and its connection to the server

    void serve();
    void let_in();
    void from_client(Pair& pair);
    void from_server(Pair& pair);
    [[nodiscard]] bool pass_request(Pair& pair, std::string_view message);  // false: it is the one to cut at
    [[nodiscard]] std::optional<std::size_t> next_message(Pair const& pair) const;

    Directory directory_;
    std::string server_socket_;
    std::string url_;
    int listener_ = -1;
    int waker_[2] = {-1, -1};
    std::list<std::unique_ptr<Pair>> pairs_;
    mutable std::mutex mutex_;  // over what follows
    int at_ = 0;                // 0: nothing is cut
    bool commits_ = false;      // only COMMITs count
    Cut how_ = Cut::before;
    int requests_ = 0;
    bool cut_ = false;
    std::thread thread_;
};

}  // namespace undrop::test

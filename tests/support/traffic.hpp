// A connection of libpq that tells of every message of its conversation, on the thread that uses it: a test acts between two certain
// messages instead of racing.
#pragma once

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <string>

namespace undrop::test {

class Traffic {
public:
    // A line of PQtrace: "F", a tab, the length, a tab, "Query" ... for a message that is about to be sent, "B" ... for one that came.
    using Heard = std::function<void(std::string const& line)>;

    Traffic(std::string const& url, Heard heard);
    ~Traffic();
    Traffic(Traffic const&) = delete;
    Traffic& operator=(Traffic const&) = delete;

    [[nodiscard]] PGconn* handle() const { return connection_.get(); }
    [[nodiscard]] int pid() const { return PQbackendPID(connection_.get()); }

private:
    static long take(void* self, char const* bytes, std::size_t count);

    Heard heard_;
    std::string line_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    std::FILE* stream_ = nullptr;
};

// A statement is about to be sent.
[[nodiscard]] bool is_statement(std::string const& line);
// The server is through with one.
[[nodiscard]] bool is_answer(std::string const& line);

}  // namespace undrop::test

// A table that is migrated there and back while an application writes to it. What must be in it is known without the database.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "story/story.hpp"

namespace undrop::test {

using Connect = std::function<std::unique_ptr<Session>()>;

// An application, on a thread of its own: inserts rows and counts in others, and remembers what the database has confirmed.
class Writer {
public:
    Writer(Connect connect, int first_id);
    ~Writer();
    Writer(Writer const&) = delete;
    Writer& operator=(Writer const&) = delete;

    // Nothing is written while it is held.
    [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }
    // What is missing of its writes, or came twice; empty: nothing. Held.
    [[nodiscard]] std::string lost(Session& session);
    [[nodiscard]] int writes() const { return writes_; }

private:
    void go();
    void write(std::string const& sql, std::function<void()> const& confirmed, std::function<void()> const& uncertain);

    Connect connect_;
    std::unique_ptr<Session> session_;
    std::mutex mutex_;
    int next_id_;
    int writes_ = 0;
    std::set<int> inserted_;
    std::set<int> maybe_inserted_;  // the connection went before the answer came
    std::map<int, int> counted_;
    std::set<int> maybe_counted_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

class Shop {
public:
    enum class Way { one_transaction, in_parts };
    static constexpr int rows = 1000;

    Shop(Engine engine, std::string url, Connect connect, Way way);

    [[nodiscard]] std::string const& url() const { return url_; }
    [[nodiscard]] std::string const& migrations() const { return files_.path(); }
    [[nodiscard]] Source source() const { return Source::directory(files_.path()).value(); }
    [[nodiscard]] Way way() const { return way_; }
    [[nodiscard]] Connect const& connect() const { return connect_; }

    // What is wrong with the rows, given where the ledger says the database stands; empty: nothing.
    [[nodiscard]] std::string wrong(Session& session, bool applied) const;

private:
    Directory files_;
    std::string url_;
    Connect connect_;
    Way way_;
};

}  // namespace undrop::test

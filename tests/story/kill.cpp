#include "story/kill.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace undrop::test {

bool killed_at(int n, std::string const& url, Source const& source, Direction direction) {
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        Options options;
        int events = 0;
        options.on_event = [&](Event const& event) {
            if (event.kind != Event::Kind::waiting && ++events == n) kill(getpid(), SIGKILL);
        };
        auto target = Target::open(url);
        auto plan = !target                      ? Result<Plan>{target.error()}
                    : direction == Direction::up ? plan_up(target.value(), source, {}, options)
                                                 : plan_down(target.value(), source, {}, options);
        auto approved = plan ? approve(std::move(plan).value()) : Result<Approved>{plan.error()};
        bool const done = approved && apply(target.value(), approved.value(), options);
        _exit(done ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) return true;
    REQUIRE(WEXITSTATUS(status) == 0);
    return false;
}

void nobody_else(Database& db) {
    if (!db.postgres()) return;
    while (
        db.count("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = "
                 "'client backend'") > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

}  // namespace undrop::test

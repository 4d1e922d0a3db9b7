#include "patience.hpp"

#include <fmt/format.h>

namespace undrop::postgres {

Patience::Patience(Connection& working, Options const& options) : options_(options), blockers_(working) {
    blockers_.allow(options.second_connection && !working.pooled());
}

bool Patience::look() {
    auto const now = Clock::now();
    auto const since = now - looked_;
    looked_ = now;
    if (!blockers_.look()) return true;
    waited_ += since;
    auto const process = blockers_.who().substr(0, blockers_.who().find(')'));  // what it does changes all the time
    if (told_ != process && options_.on_event) {
        told_ = process;
        options_.on_event({.kind = Event::Kind::waiting,
                           .text = "waits until others have finished: " + blockers_.who(),
                           .version = {},
                           .direction = Direction::up});
    }
    return !over();
}

Error Patience::error() const {
    return {.code = Code::busy,
            .left = Left::rolled_back,
            .message = fmt::format("the statement has waited for {:.1f} s until others have finished: {}",
                                   std::chrono::duration<double>(waited_).count(), blockers_.who()),
            .next = {.advice = "try again when they have, or wait for longer"}};
}

}  // namespace undrop::postgres

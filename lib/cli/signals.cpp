#include "signals.hpp"

#include <csignal>

namespace undrop::cli {
namespace {

volatile std::sig_atomic_t caught = 0;

extern "C" void undrop_on_signal(int number) {
    caught = number;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
#ifdef SIGHUP
    std::signal(SIGHUP, SIG_DFL);
#endif
}

}  // namespace

void catch_signals() {
    std::signal(SIGINT, undrop_on_signal);
    std::signal(SIGTERM, undrop_on_signal);
#ifdef SIGHUP
    // Ignored: by nohup, and so it stays.
    if (std::signal(SIGHUP, undrop_on_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
#endif
}

int caught_signal() { return caught; }

}  // namespace undrop::cli

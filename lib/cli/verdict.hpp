// What is good or bad news as a whole: one document, or a text that --quiet leaves out only where it is good.
#pragma once

#include <sstream>

#include "screen.hpp"
#include "session.hpp"

namespace undrop::cli {

// The exit status: 0 or 3.
template <class Verdict>
[[nodiscard]] int show_verdict(Session const& session, Verdict const& verdict, bool good) {
    std::ostringstream text;
    text << verdict;
    if (session.flags().json)
        say(to_json(verdict));
    else if (!session.flags().quiet || !good)
        say(text.str());
    return good ? 0 : 3;
}

}  // namespace undrop::cli

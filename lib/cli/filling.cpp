#include "filling.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "screen.hpp"

namespace undrop::cli {
namespace {

constexpr std::int64_t width = 24;

// One line that is written over, and gone in the end.
class Bar {
public:
    Bar() = default;
    Bar(Bar const&) = delete;
    Bar& operator=(Bar const&) = delete;
    ~Bar() { clear(); }

    void show(Filling const& filling) {
        auto const now = std::chrono::steady_clock::now();
        if (!shown_) start_ = now;
        bool const complete = filling.all > 0 && filling.done >= filling.all;
        if (shown_ && !complete && now - last_ < std::chrono::milliseconds(100)) return;
        last_ = now;
        std::string line = fmt::format("\r\x1b[2K  filling   {} ", printable(filling.table));
        if (filling.all > 0) {
            auto const full = std::clamp<std::int64_t>(filling.done * width / filling.all, 0, width);
            line += fmt::format("[{}{}] {} of {} rows", std::string(static_cast<std::size_t>(full), '#'),
                                std::string(static_cast<std::size_t>(width - full), '.'), thousands(filling.done), thousands(filling.all));
            auto const spent = std::chrono::duration<double>(now - start_).count();
            if (filling.done > 0 && !complete && spent > 1)
                line += fmt::format(", {:.0f} s left",
                                    spent / static_cast<double>(filling.done) * static_cast<double>(filling.all - filling.done));
        } else {
            line += fmt::format("{} rows", thousands(filling.done));
        }
        std::fputs(line.c_str(), stderr);
        std::fflush(stderr);
        shown_ = true;
        if (complete) clear();
    }

private:
    static std::string printable(std::string text) {
        for (char& c : text)
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
        return text;
    }
    void clear() {
        if (!shown_) return;
        std::fputs("\r\x1b[2K", stderr);
        std::fflush(stderr);
        shown_ = false;
    }

    bool shown_ = false;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point last_;
};

}  // namespace

std::function<void(Filling const&)> show_filling(Flags const& flags) {
    if (flags.quiet || flags.json || isatty(STDERR_FILENO) == 0) return {};
    return [bar = std::make_shared<Bar>()](Filling const& filling) { bar->show(filling); };
}

}  // namespace undrop::cli

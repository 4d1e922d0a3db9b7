// The order of versions.
#include <algorithm>
#include <string>

#include <undrop/migration.hpp>

namespace undrop {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_zeros(std::string_view digits) { return digits.substr(std::min(digits.find_first_not_of('0'), digits.size())); }

// 20170126, 201701261850, 20170126185002 and what tools append: 13 digits are milliseconds since 1970, 10 are seconds. Where there are
// seconds, people write months of 00 and 16, too.
bool is_time(std::string_view digits) {
    auto const two = [&](std::size_t at) { return (digits[at] - '0') * 10 + (digits[at + 1] - '0'); };
    if (digits.size() < 14 && digits.size() != 8 && digits.size() != 12) return false;
    auto const century = two(0);
    auto const month = two(4);
    auto const day = two(6);
    bool const is_day = digits.size() >= 14 || (month >= 1 && month <= 12 && day >= 1 && day <= 31);
    return (century == 19 || century == 20) && is_day;
}

// Takes the digits at the beginning off.
std::string_view take_digits(std::string_view& text) {
    auto const end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
    auto const digits = text.substr(0, end);
    text.remove_prefix(end);
    return digits;
}

// A time is the number of its seconds, whatever follows these, or is left out.
constexpr std::size_t seconds = 14;

int compare_numbers(std::string_view a, std::string_view b) {
    std::string padded_a;
    std::string padded_b;
    auto const number = [](std::string_view digits, std::string& padded) {
        if (!is_time(digits)) return without_zeros(digits);
        padded = digits.substr(0, seconds);
        padded.resize(seconds, '0');
        return std::string_view(padded);
    };
    auto const number_a = number(a, padded_a);
    auto const number_b = number(b, padded_b);
    if (number_a.size() != number_b.size()) return number_a.size() < number_b.size() ? -1 : 1;
    if (auto const order = number_a.compare(number_b); order != 0) return order;
    return padded_a.empty() || padded_b.empty() ? 0 : a.compare(b);
}

bool goes_on(std::string_view text) { return text.size() > 1 && text[0] == '.' && is_digit(text[1]); }

}  // namespace

bool version_less(std::string_view a, std::string_view b) {
    bool const counted = !a.empty() && is_digit(a[0]);
    if (counted != (!b.empty() && is_digit(b[0]))) return counted;
    if (!counted) return a < b;
    while (true) {
        if (auto const order = compare_numbers(take_digits(a), take_digits(b)); order != 0) return order < 0;
        if (!goes_on(a) || !goes_on(b)) break;
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    if (goes_on(a) != goes_on(b)) return goes_on(b);  // 1 is before 1.1
    return a < b;
}

}  // namespace undrop

// Two macros for Result: UNDROP_TRY(declaration, expression) and UNDROP_CHECK(expression). Not installed.
#pragma once

#define UNDROP_CAT2(a, b) a##b
#define UNDROP_CAT(a, b) UNDROP_CAT2(a, b)
#define UNDROP_TRY_AS(name, declaration, ...)              \
    auto name = (__VA_ARGS__);                             \
    if (!name.has_value()) return std::move(name).error(); \
    declaration = std::move(name).value()
#define UNDROP_TRY(declaration, ...) UNDROP_TRY_AS(UNDROP_CAT(undrop_try_, __LINE__), declaration, __VA_ARGS__)
#define UNDROP_CHECK_AS(name, ...)                                                        \
    do {                                                                                  \
        if (auto name = (__VA_ARGS__); !name.has_value()) return std::move(name).error(); \
    } while (false)
#define UNDROP_CHECK(...) UNDROP_CHECK_AS(UNDROP_CAT(undrop_check_, __LINE__), __VA_ARGS__)

// Sandbox: a disposable database that undrop has made and marked itself (P10). One thread at a time; outlives its backend's users.
#pragma once

#include <string>

#include <undrop/rehearse.hpp>
#include <undrop/result.hpp>

namespace undrop {

class Backend;

struct SandboxWish {
    RehearsalData data = {};
    std::string elsewhere;  // URL of another server; empty: the target's own
};

class Sandbox {
public:
    virtual ~Sandbox() = default;  // the quiet way to end()
    [[nodiscard]] virtual Backend& backend() = 0;
    // Drops the sandbox. An error says what is left behind; nothing may be asked of the backend afterwards.
    [[nodiscard]] virtual Result<void> end() = 0;
};

}  // namespace undrop

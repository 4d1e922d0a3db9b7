#include "program.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace undrop::bench {
namespace {

[[noreturn]] void become(std::vector<std::string> const& words, std::string const& log) {
    std::vector<char*> arguments;
    for (auto const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    int const nothing = open("/dev/null", O_RDONLY);
    int const printed = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(nothing, STDIN_FILENO);
    dup2(printed, STDOUT_FILENO);
    dup2(printed, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
}

std::string text_of(std::string const& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string on_path(std::string const& program) {
    auto const* path = std::getenv("PATH");
    std::istringstream in(path ? path : "");
    for (std::string directory; std::getline(in, directory, ':');) {
        auto const file = directory + "/" + program;
        if (!directory.empty() && std::filesystem::is_regular_file(file) && access(file.c_str(), X_OK) == 0) return file;
    }
    return {};
}

std::string version_of(std::string const& program) {
    auto const file = on_path(program);
    if (file.empty()) return {};
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> const out(popen(("'" + file + "' --version 2>&1").c_str(), "r"), &pclose);
    std::array<char, 200> line{};
    if (!out || !std::fgets(line.data(), line.size(), out.get())) return {};
    std::string const text = line.data();
    return text.substr(0, text.find('\n'));
}

Cost timed(std::vector<std::string> const& words, std::string const& log) {
    auto const start = std::chrono::steady_clock::now();
    auto const child = fork();
    if (child == 0) become(words, log);
    int status = 0;
    rusage used{};
    if (child < 0 || wait4(child, &status, 0, &used) != child) throw std::runtime_error("cannot start " + words.front());
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::string line;
        for (auto const& word : words) line += (line.empty() ? "" : " ") + word;
        throw std::runtime_error(line + " failed:\n" + text_of(log));
    }
    return {.seconds = took.count(), .peak_kb = used.ru_maxrss};
}

}  // namespace undrop::bench

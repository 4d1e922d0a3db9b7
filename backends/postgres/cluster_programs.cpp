#ifndef _WIN32

#include "cluster_programs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>

namespace undrop::postgres {
namespace {

namespace fs = std::filesystem;

// What a short command says on its first line.
std::string said_by(std::string const& command) {
    auto const close = [](std::FILE* file) { pclose(file); };
    std::unique_ptr<std::FILE, decltype(close)> const file(popen(command.c_str(), "re"), close);
    std::array<char, 500> line{};
    if (!file || !std::fgets(line.data(), static_cast<int>(line.size()), file.get())) return {};
    std::string text(line.data());
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

bool runs(fs::path const& program) { return access(program.c_str(), X_OK) == 0; }

std::set<std::string> candidates() {
    std::set<std::string> found;
    auto const add = [&](fs::path const& folder) {
        std::error_code failed;
        // A link to initdb stands for the folder that it is in: there postgres finds what belongs to it.
        auto const real = fs::canonical(folder / "initdb", failed);
        if (!failed && runs(real) && runs(real.parent_path() / "postgres")) found.insert(real.parent_path().string());
        if (runs(folder / "initdb") && runs(folder / "postgres")) found.insert(folder.string());
    };
    auto const* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (!folder.empty()) add(folder);
    if (auto const told = said_by("pg_config --bindir 2>/dev/null"); !told.empty()) add(told);
    std::error_code failed;
    for (auto const& version : fs::directory_iterator("/usr/lib/postgresql", failed)) add(version.path() / "bin");
    return found;
}

int version_of(std::string const& folder) {
    if (folder.find('\'') != std::string::npos) return 0;
    auto const told = said_by(fmt::format("'{}/postgres' --version 2>/dev/null", folder));  // "postgres (PostgreSQL) 15.14"
    auto const at = told.find(") ");
    return at == std::string::npos ? 0 : std::atoi(told.c_str() + at + 2);
}

Error refused(std::string message, std::string advice) {
    return Error{.code = Code::refused, .left = Left::untouched, .message = std::move(message), .next = {.advice = std::move(advice)}};
}

}  // namespace

Result<ServerUser> server_user() {
    if (geteuid() != 0) return ServerUser{geteuid(), getegid()};
    for (auto const* name : {"postgres", "nobody"})
        if (auto const* entry = getpwnam(name)) return ServerUser{entry->pw_uid, entry->pw_gid};
    return refused("PostgreSQL's server does not run as root, and there is no user postgres or nobody for it",
                   "Run undrop as another user, or name a server with --sandbox URL.");
}

Result<std::string> find_server_programs(int version) {
    std::string best;
    int newest = 0;
    for (auto const& folder : candidates())
        if (int const its = version_of(folder); its > newest) {
            newest = its;
            best = folder;
        }
    auto const* const advice = "Install PostgreSQL's server (postgresql), or name a server with --sandbox URL.";
    if (best.empty()) return refused("there is no initdb and postgres on the PATH or in /usr/lib/postgresql", advice);
    if (newest < version)
        return refused(fmt::format("the target is PostgreSQL {}, and the newest server on this machine {}", version, newest), advice);
    return best;
}

pid_t start_program(std::vector<std::string> words, ServerUser const& user, std::string const& folder, std::string const& log,
                    bool with_us) {
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::array<char const*, 4> plain{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", nullptr};
    bool const change = geteuid() == 0;
    auto const parent = getpid();
    auto const process = fork();
    if (process != 0) return process;
    // Only what is safe between fork and exec. A Ctrl-C of the terminal is for undrop, which then ends the server itself.
    setsid();
    if (change && (setgroups(0, nullptr) != 0 || setgid(user.gid) != 0 || setuid(user.uid) != 0)) _exit(126);
#ifdef __linux__
    if (with_us) {
        prctl(PR_SET_PDEATHSIG, SIGQUIT);
        if (getppid() != parent) _exit(126);
    }
#else
    static_cast<void>(with_us), static_cast<void>(parent);
#endif
    int const in = open("/dev/null", O_RDONLY);
    int const out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (chdir(folder.c_str()) != 0 || in < 0 || out < 0) _exit(126);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    for (int file = 3; file < 256; ++file) close(file);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execve(argv[0], argv.data(), const_cast<char* const*>(plain.data()));
    _exit(127);
}

}  // namespace undrop::postgres

#endif

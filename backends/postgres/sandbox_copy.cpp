// pg_dump into psql, as two processes with a pipe between. The only place of the library that needs POSIX.
#include "sandbox_copy.hpp"

#include <fmt/format.h>

#include "errors.hpp"

#ifdef _WIN32

namespace undrop::postgres {

int pg_dump_version() { return 0; }

Result<void> copy_database(Parameters const&, std::string const&, Parameters const&, std::string const&, CopyPart const&) {
    return Error{.code = Code::refused,
                 .message = "a copy of the target for the rehearsal is not made on this system",
                 .next = {.advice = "Rehearse with --data sample, or without --data."}};
}

Result<std::string> dump_schema(Parameters const&, std::string const&, std::string const&, std::function<bool()> const&) {
    return std::string{};
}

}  // namespace undrop::postgres

#else

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

extern char** environ;

namespace undrop::postgres {

namespace {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// A pipe whose ends no child inherits but where it is told to.
struct Pipe {
    std::array<int, 2> ends{-1, -1};
    Pipe() {
        if (pipe(ends.data()) != 0) return;
        for (int const end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    ~Pipe() { close(); }
    Pipe(Pipe const&) = delete;
    Pipe& operator=(Pipe const&) = delete;
    void close() {
        for (int& end : ends)
            if (end >= 0) ::close(std::exchange(end, -1));
    }
};

// libpq's variables say where to connect; a password is on no command line, where others could read it (P8).
std::vector<std::string> environment_for(Parameters const& parameters) {
    std::vector<std::string> variables;
    std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> const known(PQconndefaults(), &PQconninfoFree);
    for (char** variable = environ; *variable; ++variable)
        if (std::strncmp(*variable, "PG", 2) != 0) variables.emplace_back(*variable);
    for (auto const* option = known.get(); option && option->keyword; ++option) {
        auto const found = parameters.find(option->keyword);
        if (option->envvar && found != parameters.end()) variables.push_back(fmt::format("{}={}", option->envvar, found->second));
    }
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

struct Ends {
    int in = -1;  // -1: nothing
    int out = -1;
    int errors = -1;
};

// 0 and the process, or the reason in errno's terms.
int start(std::vector<std::string> words, Parameters const& parameters, Ends const& ends, pid_t& process) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    auto const connect = [&](int from, int to, int flags) {
        if (from >= 0)
            posix_spawn_file_actions_adddup2(&actions, from, to);
        else
            posix_spawn_file_actions_addopen(&actions, to, "/dev/null", flags, 0);
    };
    connect(ends.in, 0, O_RDONLY);
    connect(ends.out, 1, O_WRONLY);
    connect(ends.errors, 2, O_WRONLY);
    auto variables = environment_for(parameters);
    auto const argv = pointers(words);
    auto const envp = pointers(variables);
    int const result = posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

// Waits; who has to wait no longer ends both ends of the pipe.
bool succeeded(pid_t process, CopyPart const& part, bool& interrupted) {
    bool const asks = part.cancelled || part.meanwhile;
    int status = 0;
    while (true) {
        auto const ended = waitpid(process, &status, asks ? WNOHANG : 0);
        if (ended == process) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (ended < 0 && errno != EINTR) return false;
        if (ended != 0) continue;
        if (!interrupted && part.cancelled && part.cancelled()) interrupted = true;
        if (interrupted)
            kill(process, SIGTERM);
        else if (part.meanwhile)
            part.meanwhile();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

// The first line that is an error. What follows it (CONTEXT, DETAIL) may show a row's value (P8).
std::string first_error(std::FILE* file) {
    std::rewind(file);
    std::array<char, 1000> line{};
    std::string any;
    while (std::fgets(line.data(), static_cast<int>(line.size()), file)) {
        std::string_view const text = line.data();
        if (text.find("rror: ") != std::string_view::npos || text.find("ERROR: ") != std::string_view::npos) return one_line(text);
        if (any.empty()) any = one_line(text);
    }
    return any;
}

Error not_there(char const* program, int reason) {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("a copy of the target needs {}, which cannot be started", program),
                 .native = std::strerror(reason),
                 .next = {.advice = "Install PostgreSQL's client programs (postgresql-client) so that pg_dump and psql are on the PATH, or "
                                    "rehearse with --data sample."}};
}

}  // namespace

int pg_dump_version() {
    File const said(std::tmpfile());
    if (!said) return 0;
    int const out = fileno(said.get());
    fcntl(out, F_SETFD, FD_CLOEXEC);
    pid_t process = 0;
    bool interrupted = false;
    if (start({"pg_dump", "--version"}, {}, {.in = -1, .out = out, .errors = -1}, process) != 0) return 0;
    if (!succeeded(process, {}, interrupted)) return 0;
    std::rewind(said.get());
    std::array<char, 200> line{};
    if (!std::fgets(line.data(), static_cast<int>(line.size()), said.get())) return 0;
    auto const* const version = std::strstr(line.data(), ") ");  // "pg_dump (PostgreSQL) 15.14 (Debian ...)"
    return version ? static_cast<int>(std::strtol(version + 2, nullptr, 10)) : 0;
}

Result<void> copy_database(Parameters const& from, std::string const& role, Parameters const& to, std::string const& role_there,
                           CopyPart const& part) {
    File const errors(std::tmpfile());
    Pipe pipe;
    if (!errors || pipe.ends[0] < 0) return Error{.message = "no temporary file or pipe can be made", .native = std::strerror(errno)};
    int const log = fileno(errors.get());
    fcntl(log, F_SETFL, O_APPEND);
    fcntl(log, F_SETFD, FD_CLOEXEC);

    std::vector<std::string> dump{"pg_dump", "--no-password", "--no-subscriptions"};  // a copy must not replicate
    if (!part.publications) dump.emplace_back("--no-publications");
    if (!part.section.empty()) dump.push_back("--section=" + part.section);
    if (!part.snapshot.empty()) dump.push_back("--snapshot=" + part.snapshot);
    for (auto const& pattern : part.without) dump.push_back("--exclude-table=" + pattern);
    auto there = to;
    if (!role.empty()) dump.push_back("--role=" + role);
    if (!role_there.empty()) there["options"] += as_option("role=" + role_there);
    pid_t dumper = 0;
    if (int const reason = start(dump, from, {.in = -1, .out = pipe.ends[1], .errors = log}, dumper)) return not_there("pg_dump", reason);
    pid_t loader = 0;
    int const reason = start({"psql", "--no-psqlrc", "--no-password", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"}, there,
                             {.in = pipe.ends[0], .out = -1, .errors = log}, loader);
    pipe.close();  // a dump without a reader ends by itself
    bool interrupted = false;
    bool const dumped = succeeded(dumper, part, interrupted);
    if (reason != 0) return not_there("psql", reason);
    bool const loaded = succeeded(loader, part, interrupted);
    if (interrupted) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
    if (dumped && loaded) return BOOST_OUTCOME_V2_NAMESPACE::success();
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = "the target cannot be copied for the rehearsal",
                 .native = first_error(errors.get()),
                 .next = {.advice = "Rehearse as the owner of all its objects, or without --data."}};
}

Result<std::string> dump_schema(Parameters const& from, std::string const& role, std::string const& ledger,
                                std::function<bool()> const& cancelled) {
    File const written(std::tmpfile());
    File const errors(std::tmpfile());
    if (!written || !errors) return Error{.message = "no temporary file can be made", .native = std::strerror(errno)};
    for (auto const* file : {written.get(), errors.get()}) fcntl(fileno(const_cast<std::FILE*>(file)), F_SETFD, FD_CLOEXEC);
    std::string pattern = "\"";
    for (char const c : ledger) pattern += c == '"' ? std::string("\"\"") : std::string(1, c);
    std::vector<std::string> dump{"pg_dump", "--no-password", "--schema-only", "--exclude-schema=" + pattern + '"'};
    if (!role.empty()) dump.push_back("--role=" + role);
    pid_t process = 0;
    bool interrupted = false;
    if (int const reason = start(dump, from, {.in = -1, .out = fileno(written.get()), .errors = fileno(errors.get())}, process))
        return not_there("pg_dump", reason);
    bool const dumped = succeeded(process, {.cancelled = cancelled}, interrupted);
    if (interrupted) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
    if (!dumped)
        return Error{.message = "pg_dump cannot read the sandbox",
                     .native = first_error(errors.get()),
                     .next = {.command = "rehearse --no-witness", .advice = "compares schemas by undrop's own reading alone"}};
    std::rewind(written.get());
    std::string text;
    std::array<char, 1 << 16> part{};
    while (auto const size = std::fread(part.data(), 1, part.size(), written.get())) text.append(part.data(), size);
    return text;
}

}  // namespace undrop::postgres

#endif

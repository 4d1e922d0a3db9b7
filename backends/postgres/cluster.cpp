#include "cluster.hpp"

#include <fmt/format.h>

#ifdef _WIN32

namespace undrop::postgres {

void Cluster::sweep() {}

Result<std::unique_ptr<Cluster>> Cluster::start(ClusterWish const&) {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = "a server for the rehearsal is not started on this system",
                 .next = {.advice = "Name one with --sandbox URL."}};
}

}  // namespace undrop::postgres

#else

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include "cluster_programs.hpp"
#include "errors.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

namespace fs = std::filesystem;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

constexpr char const* prefix = "undrop-cluster-";
constexpr char const* mark_file = "undrop-sandbox";
constexpr char const* mark = "undrop sandbox: disposable, made by process ";
constexpr std::size_t longest_socket_folder = 80;  // a socket's path has 107 bytes
constexpr std::chrono::seconds patience{60};

// A process by its number and the moment of its start: numbers are given again.
std::string identity(pid_t process) {
    std::ifstream file(fmt::format("/proc/{}/stat", process));
    std::string stat;
    std::getline(file, stat);
    auto const name_end = stat.rfind(')');
    if (name_end == std::string::npos) return fmt::format("{}", process);
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (int i = 3; i <= 22 && fields >> field; ++i) continue;  // the 22nd is the start
    return fmt::format("{} since {}", process, field);
}

fs::path base() {
    std::error_code ignored;
    auto path = fs::temp_directory_path(ignored);
    return ignored || path.string().size() > longest_socket_folder - 30 ? fs::path("/tmp") : path;
}

std::string first_line(fs::path const& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string last_line(fs::path const& path) {
    std::ifstream file(path);
    std::string last;
    for (std::string line; std::getline(file, line);)
        if (!line.empty()) last = line;
    return last;
}

// The words that say why: initdb and postgres end with advice.
std::string reason_in(fs::path const& log) {
    std::ifstream file(log);
    for (std::string line; std::getline(file, line);)
        for (auto const* word : {"FATAL:", "PANIC:", "error:", "could not"})
            if (line.find(word) != std::string::npos) return one_line(line);
    return one_line(last_line(log));
}

bool gone(pid_t process) { return kill(process, 0) != 0 && errno == ESRCH; }

// The server whose data is in this folder, if it runs: its own file says which, its working directory proves it.
pid_t server_of(fs::path const& data) {
    auto const process = static_cast<pid_t>(std::atoi(first_line(data / "postmaster.pid").c_str()));
    if (process <= 1 || gone(process)) return 0;
    std::error_code failed;
    auto const where = fs::read_symlink(fmt::format("/proc/{}/cwd", process), failed);
    return !failed && where == data ? process : 0;
}

void stop_server(pid_t process, bool child) {
    if (process <= 0) return;
    kill(process, SIGQUIT);
    auto const until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    int status = 0;
    auto const ended = [&] { return child ? waitpid(process, &status, WNOHANG) != 0 : gone(process); };
    while (!ended() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// Folders of killed runs: marked by us, owned by whom our own are, and their maker is gone.
void sweep_below(fs::path const& where, uid_t owner) {
    std::error_code failed;
    for (auto const& entry : fs::directory_iterator(where, failed)) {
        auto const path = entry.path();
        struct stat about {};
        if (!path.filename().string().starts_with(prefix) || lstat(path.c_str(), &about) != 0 || !S_ISDIR(about.st_mode) ||
            about.st_uid != owner)
            continue;
        auto const said = first_line(path / mark_file);
        if (!said.starts_with(mark)) continue;
        auto const maker = said.substr(std::strlen(mark));
        auto const process = static_cast<pid_t>(std::atoi(maker.c_str()));
        if (process <= 0 || (!gone(process) && identity(process) == maker)) continue;
        stop_server(server_of(path / "data"), false);
        fs::remove_all(path, failed);
    }
}

class LocalCluster final : public Cluster {
public:
    LocalCluster(fs::path folder, std::string superuser) : folder_(std::move(folder)), superuser_(std::move(superuser)) {}
    ~LocalCluster() override { (void)end(); }
    LocalCluster(LocalCluster const&) = delete;
    LocalCluster& operator=(LocalCluster const&) = delete;

    [[nodiscard]] Parameters parameters() const override {
        return {{"host", folder_.string()},  {"port", "5432"},       {"user", superuser_},     {"dbname", "postgres"},
                {"client_encoding", "UTF8"}, {"sslmode", "disable"}, {"connect_timeout", "10"}};
    }
    [[nodiscard]] fs::path const& folder() const { return folder_; }
    void runs_as(pid_t process) { server_ = process; }

    [[nodiscard]] Result<void> end() override {
        stop_server(std::exchange(server_, 0), true);
        if (folder_.empty()) return success();
        std::error_code failed;
        auto const folder = std::exchange(folder_, {});
        fs::remove_all(folder, failed);
        if (!failed) return success();
        return Error{.message = fmt::format("the sandbox's folder {} is left behind ({}); the next rehearsal removes it", folder.string(),
                                            failed.message())};
    }

private:
    fs::path folder_;
    std::string superuser_;
    pid_t server_ = 0;
};

Error cannot(std::string message, std::string native) {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = "no server can be made for the rehearsal: " + std::move(message),
                 .native = std::move(native),
                 .next = {.advice = "TMPDIR names the folder for it, which needs some 60 MB and room for the rows; or name a server with "
                                    "--sandbox URL."}};
}

Result<fs::path> make_folder(ServerUser const& user) {
    auto const where = base();
    auto pattern = (where / (std::string(prefix) + "XXXXXX")).string();
    if (!mkdtemp(pattern.data())) return cannot(fmt::format("there is no room for a folder in {}", where.string()), std::strerror(errno));
    std::ofstream(fs::path(pattern) / mark_file) << mark << identity(getpid()) << '\n';
    fs::path const folder(pattern);
    // mkdtemp has made it 0700.
    if (geteuid() == 0 && chown(folder.c_str(), user.uid, user.gid) != 0) {
        auto error = cannot("its folder cannot be given to the user that it runs as", std::strerror(errno));
        std::error_code ignored;
        fs::remove_all(folder, ignored);
        return error;
    }
    return folder;
}

Result<void> wait_until_up(LocalCluster& cluster, pid_t server, fs::path const& log, ClusterWish const& wish) {
    auto const until = std::chrono::steady_clock::now() + patience;
    while (true) {
        std::unique_ptr<PGconn, decltype(&PQfinish)> const tried(connect(cluster.parameters()), &PQfinish);
        if (tried && PQstatus(tried.get()) == CONNECTION_OK) return success();
        if (wish.cancelled && wish.cancelled()) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
        int status = 0;
        if (waitpid(server, &status, WNOHANG) == server) {
            cluster.runs_as(0);  // its number is anybody's now
            return cannot("it ended by itself", reason_in(log));
        }
        if (std::chrono::steady_clock::now() > until) return cannot("it does not take connections", reason_in(log));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace

void Cluster::sweep() {
    if (auto const user = server_user()) sweep_below(base(), user.value().uid);
}

Result<std::unique_ptr<Cluster>> Cluster::start(ClusterWish const& wish) {
    UNDROP_TRY(auto const programs, find_server_programs(wish.version));
    UNDROP_TRY(auto const user, server_user());
    UNDROP_TRY(auto const folder, make_folder(user));
    auto cluster = std::make_unique<LocalCluster>(folder, wish.superuser);
    auto const data = (folder / "data").string();
    auto const log = folder / "log";
    auto const initdb = start_program({programs + "/initdb", "-D", data, "-U", wish.superuser, "-A", "trust", "-E", wish.encoding,
                                       "--locale=C", "--no-sync", "--no-instructions"},
                                      user, folder.string(), log.string(), false);
    if (initdb < 0) return cannot("initdb cannot be started", std::strerror(errno));
    int status = 0;
    while (waitpid(initdb, &status, WNOHANG) == 0) {
        if (wish.cancelled && wish.cancelled()) kill(initdb, SIGTERM);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (wish.cancelled && wish.cancelled()) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return cannot("initdb failed", reason_in(log));
    // Nothing of it has to survive a crash. The time zone is the target's own affair, and set by whoever connects.
    auto const server = start_program({programs + "/postgres",
                                       "-D",
                                       data,
                                       "-k",
                                       folder.string(),
                                       "-p",
                                       "5432",
                                       "-c",
                                       "listen_addresses=",
                                       "-c",
                                       "unix_socket_permissions=0700",
                                       "-c",
                                       "fsync=off",
                                       "-c",
                                       "full_page_writes=off",
                                       "-c",
                                       "synchronous_commit=off",
                                       "-c",
                                       "wal_level=minimal",
                                       "-c",
                                       "max_wal_senders=0",
                                       "-c",
                                       "max_connections=20",
                                       "-c",
                                       "shared_buffers=32MB",
                                       "-c",
                                       "autovacuum=off",
                                       "-c",
                                       "logging_collector=off",
                                       "-c",
                                       "log_statement=none",
                                       "-c",
                                       "log_min_error_statement=panic",
                                       "-c",
                                       "jit=off"},
                                      user, folder.string(), log.string(), true);
    if (server < 0) return cannot("postgres cannot be started", std::strerror(errno));
    cluster->runs_as(server);
    UNDROP_CHECK(wait_until_up(*cluster, server, log, wish));
    return std::unique_ptr<Cluster>(std::move(cluster));
}

}  // namespace undrop::postgres

#endif

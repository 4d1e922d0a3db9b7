#include "support/server.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "support/witness.hpp"

namespace undrop::test {
namespace {

namespace fs = std::filesystem;

std::string directory_of_programs() {
    if (auto const* given = std::getenv("UNDROP_TEST_POSTGRES_BIN")) return given;
    for (auto const* version : {"15", "18", "17", "16", "14", "13"}) {
        auto const path = std::string("/usr/lib/postgresql/") + version + "/bin";
        if (fs::exists(path + "/initdb")) return path;
    }
    throw std::runtime_error("no PostgreSQL server found");
}

// The server refuses to run as root.
std::string as_another() { return geteuid() == 0 ? "runuser -u postgres -- " : ""; }

std::string new_directory() {
    auto const* base = std::getenv("TMPDIR");
    auto path = std::string(base && std::string(base).size() < 60 ? base : "/tmp") + "/undrop-server.XXXXXX";
    if (!mkdtemp(path.data())) throw std::runtime_error("no directory for a server");
    if (auto const* user = geteuid() == 0 ? getpwnam("postgres") : nullptr)
        if (chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("the user postgres gets no directory");
    return path;
}

}  // namespace

void Server::as_server(std::string const& command, std::string const& limit) const {
    (void)output_of("cd " + path_ + " && " + limit + as_another() + directory_of_programs() + "/" + command + " >>" + path_ + ".log 2>&1");
}

Server::Server() : path_(new_directory()) {
    as_server("initdb -D data --wal-segsize=1 -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync");
    std::ofstream(path_ + "/data/postgresql.conf", std::ios::app)
        << "unix_socket_directories = '" << path_
        << "'\nlisten_addresses = ''\nport = 5432\nfsync = off\nlog_statement = none\njit = off\n";
    start();
    auto const superuser = connect_postgres("postgresql:///postgres?host=" + path_ + "&port=5432&user=postgres");
    superuser->run("create role owner login nosuperuser createdb");
    superuser->run("create database shop owner owner");
}

Server::Server(Server const& primary, std::string const& copy) : path_(copy) {
    as_server("pg_basebackup -D data -h " + primary.path_ + " -p 5432 -U postgres -R -c fast -X stream --no-sync");
    std::ofstream(path_ + "/data/postgresql.conf", std::ios::app) << "unix_socket_directories = '" << path_ << "'\n";
    start();
}

std::unique_ptr<Server> Server::standby() { return std::unique_ptr<Server>(new Server(*this, new_directory())); }

Server::~Server() {
    try {
        stop_at_once();
    } catch (std::exception const&) {  // It was down.
    }
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    fs::remove(path_ + ".log", ignored);
}

std::string Server::url() const { return "postgresql:///shop?host=" + path_ + "&port=5432&user=owner"; }

void Server::stop_at_once() { as_server("pg_ctl -D data -m immediate -w stop"); }

void Server::kill_postmaster() {
    std::ifstream file(path_ + "/data/postmaster.pid");
    int pid = 0;
    if (file >> pid) kill(pid, SIGKILL);
}

// After a kill the old processes must be gone before a new server may have the shared memory.
void Server::start(int most_kilobytes) {
    auto const limit = most_kilobytes == 0 ? std::string{} : "ulimit -f " + std::to_string(2 * most_kilobytes) + " && ";
    for (int tries = 0;; ++tries) {
        try {
            as_server("pg_ctl -D data -w -t 60 -s -l data/log start", limit);
            return;
        } catch (std::exception const&) {
            if (tries == 100) throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

}  // namespace undrop::test

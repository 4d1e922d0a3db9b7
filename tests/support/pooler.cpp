#include "support/pooler.hpp"

#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

namespace undrop::test {
namespace {

// Of a URL as tests/support/with-postgres.sh writes it.
std::string parameter(std::string const& url, std::string const& name) {
    auto const at = url.find(name + "=", url.find('?'));
    if (at == std::string::npos) throw std::runtime_error(name + " is not in the server's URL");
    auto const begin = at + name.size() + 1;
    return url.substr(begin, url.find('&', begin) - begin);
}

// pgbouncer refuses to run as root. A test that dies takes it along.
[[noreturn]] void become(std::string const& settings) {
    if (geteuid() == 0) {
        auto const* user = getpwnam("postgres");
        if (!user || setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("pgbouncer", "pgbouncer", "-q", settings.c_str(), static_cast<char*>(nullptr));
    execl("/usr/sbin/pgbouncer", "pgbouncer", "-q", settings.c_str(), static_cast<char*>(nullptr));
    _exit(127);
}

}  // namespace

Pooler::Pooler(Database& db, std::string const& mode, int sessions) : sessions_(static_cast<std::size_t>(sessions)) {
    auto const& path = directory_.path();
    chmod(path.c_str(), 0777);
    directory_.write("users", "\"undrop_owner\" \"\"\n\"postgres\" \"\"\n");
    directory_.write("settings", "[databases]\n* = host=" + parameter(db.url(), "host") + " port=" + parameter(db.url(), "port") +
                                     "\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nauth_type = trust\nauth_file = " + path +
                                     "/users\nunix_socket_dir = " + path + "\nlogfile = " + path + "/log\npool_mode = " + mode +
                                     "\ndefault_pool_size = " + std::to_string(sessions) + "\nserver_round_robin = 1\n");
    url_ = "postgresql:///" + db.one("select current_database()") + "?host=" + path + "&port=6432&user=undrop_owner";
    child_ = fork();
    if (child_ == 0) become(path + "/settings");
    for (int n = 0; PQping(url_.c_str()) != PQPING_OK; ++n) {
        if (n > 1000 || waitpid(child_, nullptr, WNOHANG) != 0)
            throw std::runtime_error("pgbouncer does not start: is the Debian package pgbouncer installed?");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

Pooler::~Pooler() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

std::string Pooler::sessions() const {
    std::vector<std::unique_ptr<Session>> clients;
    std::vector<std::string> found;
    // As many transactions at the same time as there are sessions.
    for (std::size_t i = 0; i < sessions_; ++i) clients.push_back(connect_postgres(url_ + "&application_name=looks"));
    for (auto const& client : clients) client->run("begin");
    for (auto const& client : clients)
        found.push_back(client->table(
            "select 'pid', pg_backend_pid() union all select 'role', 0 where current_setting('role') <> 'none' or current_user <> "
            "'undrop_owner' union all select 'prepared ' || name, 0 from pg_prepared_statements union all select 'cursor ' || name, 0 from "
            "pg_cursors where is_holdable union all select 'temporary ' || relname, 0 from pg_class where relnamespace = "
            "pg_my_temp_schema() union all select 'lock ' || objid, 0 from pg_locks where locktype = 'advisory' and pid = "
            "pg_backend_pid() union all select name || ' = ' || setting || ' by ' || source, 0 from pg_settings where source = 'session' "
            "and name <> 'application_name' and name !~ '^transaction_'"));
    for (auto const& client : clients) client->run("rollback");
    std::sort(found.begin(), found.end());
    std::string text;
    for (auto const& session : found) text += session + "\n";
    return text;
}

}  // namespace undrop::test

// A server of its own for the rehearsal (--sandbox local): private, not root's, and gone afterwards, however the run ends.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "story/sandboxes.hpp"

using namespace undrop;
using namespace undrop::test;
namespace fs = std::filesystem;

namespace {

// TMPDIR of its own, so that other tests' servers are not counted.
class Temporary {
public:
    Temporary() : path_("/tmp/undrop-test-" + std::to_string(getpid()) + "-" + std::to_string(++last)) {
        fs::create_directory(path_);
        fs::permissions(path_, fs::perms::all);
        if (auto const* before = std::getenv("TMPDIR")) before_ = before;
        setenv("TMPDIR", path_.c_str(), 1);
    }
    ~Temporary() {
        setenv("TMPDIR", before_.c_str(), 1);
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Temporary(Temporary const&) = delete;
    Temporary& operator=(Temporary const&) = delete;
    [[nodiscard]] fs::path const& path() const { return path_; }
    [[nodiscard]] std::vector<fs::path> folders() const {
        std::vector<fs::path> found;
        for (auto const& entry : fs::directory_iterator(path_)) found.push_back(entry.path());
        return found;
    }

private:
    static inline int last = 0;
    fs::path path_;
    std::string before_;
};

SandboxWish local(DataMode mode) { return {.data = {.mode = mode, .rows = 5}, .elsewhere = local_server}; }

// Processes of servers whose data is below a folder.
int servers_in(fs::path const& folder) {
    int count = 0;
    for (auto const& process : fs::directory_iterator("/proc")) {
        std::ifstream file(process.path() / "cmdline");
        std::string words;
        std::getline(file, words, '\0');
        bool const server = words.ends_with("postgres");
        while (server && std::getline(file, words, '\0'))
            if (words.starts_with(folder.string())) ++count;
    }
    return count;
}

Source one_pending() { return source_of({{"create table later (id integer)", "drop table later"}}); }

}  // namespace

ON_POSTGRES("a local sandbox is a private server, not root's, without TCP, with the target's roles, and gone afterwards") {
    Temporary const temporary;
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'); grant select on t to undrop_reader");
    Looked box(db.url(), local(DataMode::sample));
    REQUIRE(box.sandbox().notes.empty());
    REQUIRE(temporary.folders().size() == 1);
    auto const folder = temporary.folders().front();
    struct stat about {};
    REQUIRE(stat(folder.c_str(), &about) == 0);
    CHECK((about.st_mode & 0777U) == 0700U);
    CHECK(about.st_uid != 0);
    CHECK(box.table("show listen_addresses").empty());
    CHECK(box.table("select current_user") == "undrop_owner");
    CHECK(box.table("select tableowner from pg_tables where tablename = 't'") == "undrop_owner");
    CHECK(box.table("select rolcanlogin, rolsuper from pg_roles where rolname = 'undrop_reader'") == "f|f");
    CHECK(box.table("select has_table_privilege('undrop_reader', 't', 'select')") == "t");
    CHECK(box.table("select * from t") == "1|a");
    REQUIRE(box.end());
    CHECK(temporary.folders().empty());
}

ON_POSTGRES("a role that may not make databases rehearses in a local sandbox") {
    Temporary const temporary;
    auto const url = required_variable("UNDROP_TEST_POSTGRES_TCP");
    auto target = Target::open(url).value();
    auto const evidence = rehearse(target, one_pending(), {.sandbox = local_server});
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK(evidence.value().exact());
    CHECK(temporary.folders().empty());
}

ON_POSTGRES("what a killed run left of a local sandbox ends by itself, and the next run removes it, and nothing else") {
    Temporary const temporary;
    fs::create_directory(temporary.path() / "undrop-cluster-others");
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        Options options;
        options.on_event = [](Event const& event) {
            if (event.kind == Event::Kind::ran) kill(getpid(), SIGKILL);
        };
        auto target = Target::open(db.url());
        if (target) (void)rehearse(target.value(), one_pending(), {.sandbox = local_server}, options);
        _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(temporary.folders().size() == 2);

    auto target = Target::open(db.url()).value();
    REQUIRE(rehearse(target, one_pending(), {.sandbox = local_server}));
    auto const left = temporary.folders();
    REQUIRE(left.size() == 1);
    CHECK(left.front().filename() == "undrop-cluster-others");
    CHECK(servers_in(temporary.path()) == 0);
}

ON_POSTGRES("Ctrl-C while a local sandbox is made leaves nothing behind") {
    Temporary const temporary;
    int asked = 0;
    auto wish = local(DataMode::schema);
    wish.cancelled = [&] { return ++asked > 5; };
    CHECK(Looked(db.url(), wish).error().code == Code::interrupted);
    CHECK(temporary.folders().empty());
}

ON_POSTGRES("an interrupt of the program at any moment leaves nothing of a local sandbox behind") {
    Directory const directory;
    Temporary const temporary;
    directory.write("1_t.up.sql", "create table t (id integer); select pg_sleep(2)");
    directory.write("1_t.down.sql", "drop table t");
    for (auto const* after : {"0.1", "0.4", "1.5"}) {
        auto const status = output_of("cd " + shell_quoted(directory.path()) + " && timeout --foreground --preserve-status -s INT " +
                                      after + " " + shell_quoted(UNDROP_TEST_PROGRAM) + " --db " + shell_quoted(db.url()) +
                                      " --dir . rehearse --sandbox local >/dev/null 2>&1; echo $?");
        CHECK_MESSAGE(status == "130\n", after << ": " << status);
        CHECK(temporary.folders().empty());
    }
}

ON_POSTGRES("without room for a local sandbox the run says so, and leaves nothing behind") {
    Directory const notes;
    Temporary const temporary;
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit const small{1'000'000, 1'000'000};
        setrlimit(RLIMIT_FSIZE, &small);
        auto target = Target::open(db.url());
        auto const refused = rehearse(target.value(), one_pending(), {.sandbox = local_server});
        notes.write("error", refused ? "none" : refused.error().text());
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    auto const error = output_of("cat " + notes.path() + "/error");
    CHECK_MESSAGE(error.find("no server can be made for the rehearsal") != std::string::npos, error);
    CHECK_MESSAGE(error.find("TMPDIR") != std::string::npos, error);
    CHECK_MESSAGE(error.find("untouched") != std::string::npos, error);
    CHECK(temporary.folders().empty());
}

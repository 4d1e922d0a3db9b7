#include "machine.hpp"

#include <sqlite3.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "support/database.hpp"

namespace undrop::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string processor() {
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "unknown";
}

}  // namespace

Json machine() {
    utsname system{};
    struct sysinfo state {};
    std::array<double, 1> load{};
    if (uname(&system) != 0 || sysinfo(&state) != 0 || getloadavg(load.data(), 1) != 1) return nullptr;
    return {{"system", std::string(system.sysname) + " " + system.release + " " + system.machine},
            {"processor", processor()},
            {"cores", get_nprocs()},
            {"memory_mb", state.totalram / 1024 * state.mem_unit / 1024},
            {"load_at_start", load[0]}};
}

Json databases() {
    auto const server = test::connect_postgres(test::required_variable("UNDROP_TEST_POSTGRES"));
    Json postgres{{"version", server->one("show server_version")}};
    for (auto const* setting : {"fsync", "full_page_writes", "synchronous_commit", "shared_buffers", "max_wal_size", "jit"})
        postgres[setting] = server->one(std::string("show ") + setting);
    auto const database = test::Database::make(test::Engine::sqlite);
    return {{"postgres", std::move(postgres)},
            {"sqlite",
             {{"version", sqlite3_libversion()},
              {"journal_mode", database->one("pragma journal_mode")},
              {"synchronous", database->one("pragma synchronous")},
              {"directory", std::filesystem::path(database->location()).parent_path().parent_path().parent_path().string()}}}};
}

Json programs() {
    Json result;
    for (auto const* program : {"psql", "pg_dump", "sqlite3", "dbmate"}) {
        auto const version = version_of(program);
        result[program] = version.empty() ? Json(nullptr) : Json(version);
    }
    return result;
}

}  // namespace undrop::bench

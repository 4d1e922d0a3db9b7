#include "cases/case.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace undrop::test {
namespace {

namespace fs = std::filesystem;

constexpr std::array sections{"schema", "rows",   "up",        "down",    "writes", "twin",  "edits",  "empty",
                              "expect", "rounds", "underived", "refused", "hand",   "drift", "options"};

[[noreturn]] void wrong(std::string const& file, std::string const& what) { throw std::runtime_error(file + ": " + what); }

void known(std::string const& file, std::string const& title) {
    auto const space = title.find(' ');
    auto const name = title.substr(0, space);
    auto const engine = space == std::string::npos ? std::string{} : title.substr(space + 1);
    if (std::find(sections.begin(), sections.end(), name) == sections.end() ||
        (!engine.empty() && engine != "postgres" && engine != "sqlite"))
        wrong(file, "there is no section \"" + title + "\"");
}

Case read_case(fs::path const& path, std::string const& name) {
    Case read{.name = name, .file = path.string(), .engines = {}, .sections = {}};
    std::ifstream in(path, std::ios::binary);
    std::string title;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("== ")) {
            title = line.substr(3);
            known(read.file, title);
            if (!read.sections.emplace(title, "").second) wrong(read.file, "section \"" + title + "\" comes twice");
        } else if (!title.empty()) {
            read.sections[title] += line + "\n";
        } else if (!line.empty() && !line.starts_with("#")) {
            wrong(read.file, "text before the first section");
        }
    }
    auto const folder = name.substr(0, name.find('/'));
    if (folder == "any" || folder == "postgres") read.engines.push_back(Engine::postgres);
    if (folder == "any" || folder == "sqlite") read.engines.push_back(Engine::sqlite);
    if (read.engines.empty()) wrong(read.file, "it lies in none of the folders any, postgres and sqlite");
    for (auto const engine : read.engines)
        for (auto const* needed : {"schema", "up"})
            if (!read.section(needed, engine)) wrong(read.file, std::string("no section ") + needed);
    return read;
}

}  // namespace

std::optional<std::string> Case::section(std::string const& section, Engine engine) const {
    for (auto const& title : {section + (engine == Engine::postgres ? " postgres" : " sqlite"), section})
        if (auto const found = sections.find(title); found != sections.end()) return found->second;
    return {};
}

std::string Case::text(std::string const& wanted, Engine engine) const { return section(wanted, engine).value_or(""); }

std::vector<Case> read_cases(std::string const& directory) {
    std::vector<Case> cases;
    for (auto const& entry : fs::recursive_directory_iterator(directory)) {
        if (entry.path().extension() != ".case") continue;
        auto const relative = fs::relative(entry.path(), directory).replace_extension().generic_string();
        cases.push_back(read_case(entry.path(), relative));
    }
    std::sort(cases.begin(), cases.end(), [](Case const& a, Case const& b) { return a.name < b.name; });
    if (cases.empty()) wrong(directory, "no cases");
    return cases;
}

}  // namespace undrop::test

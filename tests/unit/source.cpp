#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <undrop/source.hpp>

using namespace undrop;

namespace {

Result<Source> of(std::vector<EmbeddedFile> const& files) { return Source::embedded(files); }

Error refused(std::vector<EmbeddedFile> const& files) {
    auto const source = of(files);
    REQUIRE_FALSE(source.has_value());
    CHECK(source.error().code == Code::refused);
    CHECK(source.error().left == Left::untouched);
    CHECK_FALSE(source.error().next.advice.empty());
    return source.error();
}

struct Directory {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("undrop-source-" + std::to_string(getpid()));
    Directory() { std::filesystem::create_directories(path); }
    ~Directory() { std::filesystem::remove_all(path); }
    Directory(Directory const&) = delete;
    Directory& operator=(Directory const&) = delete;
    void file(std::string const& name, std::string const& text) const { std::ofstream(path / name, std::ios::binary) << text; }
};

}  // namespace

TEST_CASE("the files of a migration find together, in the order of versions") {
    auto const source = of({{"10_b.up.sql", "b"},
                            {"9_a.down.check.sql", "4"},
                            {"9_a.check.sql", "3"},
                            {"9_a.down.sql", "2"},
                            {"9_a.up.sql", "1"},
                            {"README.md", "x"}});
    REQUIRE(source.has_value());
    auto const& migrations = source.value().migrations;
    REQUIRE(migrations.size() == 2);
    CHECK(migrations[0].version == "9");
    CHECK(migrations[0].name == "a");
    CHECK(migrations[0].up.text == "1");
    CHECK(migrations[0].down.value().text == "2");
    CHECK(migrations[0].check.value().text == "3");
    CHECK(migrations[0].down_check.value().text == "4");
    CHECK(migrations[1].version == "10");
    CHECK_FALSE(migrations[1].down.has_value());
}

TEST_CASE("names may hold dots, blanks and any script's letters") {
    auto const source = of({{"1_Ünï.code x.up.sql", "1"}, {"1_Ünï.code x.down.sql", "2"}});
    REQUIRE(source.has_value());
    CHECK(source.value().migrations.at(0).name == "Ünï.code x");
}

TEST_CASE("two migrations of one version are refused, however the number is written") {
    auto const error = refused({{"1_a.up.sql", ""}, {"1_b.up.sql", ""}});
    CHECK(error.where.file == "1_b.up.sql");
    CHECK(error.message.find("1_a.up.sql") != std::string::npos);
    CHECK(refused({{"01_a.up.sql", ""}, {"1_a.up.sql", ""}}).where.file == "1_a.up.sql");
    CHECK(refused({{"01_a.up.sql", ""}, {"1_a.down.sql", ""}}).where.file == "1_a.down.sql");
}

TEST_CASE("a down without an up is refused") {
    auto const error = refused({{"1_a.down.sql", ""}, {"2_b.up.sql", ""}});
    CHECK(error.where.file == "1_a.down.sql");
    CHECK(error.next.advice.find("1_a.up.sql") != std::string::npos);
}

TEST_CASE("a check without an up is refused, also beside a down") {
    for (auto const* name : {"1_a.check.sql", "1_a.down.check.sql"}) {
        auto const error = refused({{name, "select 1"}, {"2_b.up.sql", ""}});
        CHECK(error.where.file == name);
        CHECK(error.next.advice.find("1_a.up.sql") != std::string::npos);
    }
    CHECK(refused({{"1_a.check.sql", ""}, {"1_a.down.sql", ""}}).message.find("1 has no up script") != std::string::npos);
    CHECK(refused({{"1_a.up.sql", ""}, {"1_a.chekc.sql", ""}}).next.advice.find("1_a.check.sql") != std::string::npos);
    CHECK(refused({{"1_a.up.sql", ""}, {"1_a.down.chek.sql", ""}}).next.advice.find("1_a.down.check.sql") != std::string::npos);
}

TEST_CASE("a misspelt name is refused with the name that was meant") {
    CHECK(refused({{"1_a.dwon.sql", ""}}).next.advice.find("1_a.down.sql") != std::string::npos);
    CHECK(refused({{"1_a.up.SQL", ""}}).where.file == "1_a.up.SQL");
    for (auto const* name : {"a.up.sql", "1.up.sql", "1_.up.sql", "x1_a.up.sql", "1-a.up.sql", ".sql", "up.sql"}) {
        CAPTURE(name);
        CHECK(refused({{name, ""}}).next.advice.find("VERSION_NAME") != std::string::npos);
    }
}

TEST_CASE("version 0 is refused: it stands for nothing applied") {
    CHECK(refused({{"0_a.up.sql", ""}}).where.file == "0_a.up.sql");
    CHECK(of({{"000_a.up.sql", ""}, {"001_b.up.sql", ""}}).value().migrations.at(0).version == "000");
}

TEST_CASE("versions are ordered by number, dotted number and time; names come last") {
    std::vector<std::string> const ordered = {"0",
                                              "1",
                                              "01.1",
                                              "1.2",
                                              "1.10",
                                              "2",
                                              "2_a",
                                              "2_b",
                                              "10",
                                              "1595524527514",
                                              "201701261850",
                                              "20170126185001",
                                              "201701261851",
                                              "202607301400000000",
                                              "R.a.1",
                                              "a"};
    for (std::size_t i = 0; i < ordered.size(); ++i)
        for (std::size_t j = 0; j < ordered.size(); ++j) {
            CAPTURE(ordered[i]);
            CAPTURE(ordered[j]);
            CHECK(version_less(ordered[i], ordered[j]) == (i < j));
        }
    CHECK_FALSE(version_less("007", "7"));
    CHECK_FALSE(version_less("7", "007"));
}

TEST_CASE("no files are an empty source") {
    auto const source = of({});
    REQUIRE(source.has_value());
    CHECK(source.value().migrations.empty());
    CHECK(source.value().origin == "compiled in");
}

TEST_CASE("a directory is read byte for byte, without what is hidden or below it") {
    Directory const directory;
    directory.file("1_a.up.sql", "select 1;\r\n");
    directory.file(".#1_a.up.sql", "x");
    directory.file("notes.txt", "x");
    std::filesystem::create_directory(directory.path / "old.sql");
    auto const source = Source::directory(directory.path);
    REQUIRE_MESSAGE(source.has_value(), source.error().text());
    REQUIRE(source.value().migrations.size() == 1);
    CHECK(source.value().migrations[0].up.text == "select 1;\r\n");
    CHECK(source.value().migrations[0].up.file == (directory.path / "1_a.up.sql").string());
    CHECK(source.value().origin == directory.path.string());
}

TEST_CASE("a directory that is missing, or none, is refused") {
    Directory const directory;
    auto const missing = Source::directory(directory.path / "none");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().code == Code::refused);
    CHECK(missing.error().next.advice.find("--dir") != std::string::npos);
    directory.file("file", "");
    CHECK_FALSE(Source::directory(directory.path / "file").has_value());
}

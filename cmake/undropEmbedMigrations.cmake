# undrop_embed_migrations(TARGET DIR [FORMAT])
#
# Compiles every *.sql file of DIR (relative to the current source directory) into TARGET, byte for byte, and gives TARGET the header
#
#     #include <undrop_migrations/TARGET.hpp>
#     auto source = undrop::Source::embedded(undrop_migrations::TARGET::files());   // Result<Source>
#
# In the header's name and the namespace, each character of the target's name that no C++ name has is a "_". Files that change, are
# added or are removed are noticed by the next build. To be called in the directory that makes the target, once for a target, which also
# links undrop::undrop. Needs nothing but CMake, 3.25 or later.
#
# FORMAT names another tool's layout (pairs maragudk diesel hasura dbmate goose flyway sqitch prisma drizzle plain pop postgrator): then files
# in sub-folders are compiled in, too, with what else that layout has (sqitch.plan, metadata.toml, meta/_journal.json, *.conf).

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    # At build time: LIST names the files, one path a line; writes OUTPUT, which defines NAME's files().
    cmake_policy(VERSION 3.25)
    file(STRINGS "${LIST}" paths ENCODING UTF-8)
    list(LENGTH paths count)
    set(head "// Made by undrop_embed_migrations. Do not edit.\n#include <undrop_migrations/${NAME}.hpp>\n\n#include <undrop/source.hpp>\n\n")
    file(WRITE "${OUTPUT}.new" "${head}namespace undrop_migrations::${NAME} {\n\n")
    if(count EQUAL 0 AND NOT FORMAT)
        file(APPEND "${OUTPUT}.new" "std::span<undrop::EmbeddedFile const> files() { return {}; }\n")
    else()
        file(APPEND "${OUTPUT}.new" "std::span<undrop::EmbeddedFile const> files() {\n    static undrop::EmbeddedFile const all[] = {\n")
        if(FORMAT)
            file(APPEND "${OUTPUT}.new" "        {\".undrop-format\", \"${FORMAT}\"},\n")
        endif()
        foreach(path IN LISTS paths)
            cmake_path(RELATIVE_PATH path BASE_DIRECTORY "${DIR}" OUTPUT_VARIABLE file_name)
            string(HEX "${file_name}" name_hex)
            file(READ "${path}" hex HEX)
            string(LENGTH "${hex}" digits)
            math(EXPR size "${digits} / 2")
            string(LENGTH "${name_hex}" digits)
            math(EXPR name_size "${digits} / 2")
            # Every byte is an escape, so none can run into the next; 40 bytes a line.
            string(REGEX REPLACE "(..)" "\\\\x\\1" name_text "${name_hex}")
            string(REGEX REPLACE "(..)" "\\\\x\\1" text "${hex}")
            string(REPEAT "...." 40 line)
            string(REGEX REPLACE "(${line})" "\\1\"\n            \"" text "${text}")
            file(APPEND "${OUTPUT}.new" "        {{\"${name_text}\", ${name_size}},\n         {\"${text}\", ${size}}},\n")
        endforeach()
        file(APPEND "${OUTPUT}.new" "    };\n    return all;\n}\n")
    endif()
    file(APPEND "${OUTPUT}.new" "\n}  // namespace undrop_migrations::${NAME}\n")
    file(RENAME "${OUTPUT}.new" "${OUTPUT}")
    return()
endif()

set(UNDROP_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}" CACHE INTERNAL "What undrop_embed_migrations runs at build time")

function(undrop_embed_migrations target directory)
    if(ARGC GREATER 3)
        message(FATAL_ERROR "undrop_embed_migrations takes a target, a directory and a format; \"${ARGN}\" is too much.")
    endif()
    set(format "")
    if(ARGC EQUAL 3)
        set(format "${ARGV2}")
        set(formats pairs maragudk diesel hasura dbmate goose flyway sqitch prisma drizzle plain pop postgrator)
        if(NOT format IN_LIST formats)
            list(JOIN formats ", " formats)
            message(FATAL_ERROR "undrop_embed_migrations: there is no format \"${format}\"; the formats are ${formats}.")
        endif()
    endif()
    if(NOT TARGET ${target})
        message(FATAL_ERROR "undrop_embed_migrations: \"${target}\" is no target.")
    endif()
    get_target_property(made_in ${target} SOURCE_DIR)
    if(NOT made_in STREQUAL CMAKE_CURRENT_SOURCE_DIR)
        message(FATAL_ERROR "undrop_embed_migrations(${target} ...): to be called in ${made_in}, which makes the target.")
    endif()
    get_target_property(embedded ${target} UNDROP_EMBEDDED)
    if(embedded)
        message(FATAL_ERROR "undrop_embed_migrations: \"${target}\" has the migrations of ${embedded} already.")
    endif()
    cmake_path(ABSOLUTE_PATH directory NORMALIZE)
    if(NOT IS_DIRECTORY "${directory}")
        message(FATAL_ERROR "undrop_embed_migrations: there is no directory ${directory}.")
    endif()
    set_target_properties(${target} PROPERTIES UNDROP_EMBEDDED "${directory}")

    string(MAKE_C_IDENTIFIER "${target}" name)
    set(made "${CMAKE_CURRENT_BINARY_DIR}/undrop_migrations.dir/${name}")
    if(format STREQUAL "")
        file(GLOB scripts LIST_DIRECTORIES false CONFIGURE_DEPENDS "${directory}/*.sql")
    else()
        set(patterns *.sql *.conf sqitch.plan metadata.toml _journal.json)
        list(TRANSFORM patterns PREPEND "${directory}/")
        file(GLOB_RECURSE scripts LIST_DIRECTORIES false CONFIGURE_DEPENDS ${patterns})
        # What is hidden below the directory is none of the tool's.
        set(found ${scripts})
        set(scripts "")
        foreach(path IN LISTS found)
            cmake_path(RELATIVE_PATH path BASE_DIRECTORY "${directory}" OUTPUT_VARIABLE name_below)
            if(NOT "/${name_below}" MATCHES "/[.]|/node_modules/")
                list(APPEND scripts "${path}")
            endif()
        endforeach()
    endif()
    list(SORT scripts)
    list(JOIN scripts "\n" lines)
    # Written only where it differs, so that a file added or removed makes the command run again.
    file(CONFIGURE OUTPUT "${made}/files.txt" CONTENT "${lines}\n" @ONLY)
    file(CONFIGURE OUTPUT "${made}/include/undrop_migrations/${name}.hpp" @ONLY CONTENT
"// Made by undrop_embed_migrations. Do not edit.
#pragma once

#include <span>

namespace undrop {
struct EmbeddedFile;
}

namespace undrop_migrations::${name} {

// The migrations of ${directory}
std::span<undrop::EmbeddedFile const> files();

}  // namespace undrop_migrations::${name}
")
    add_custom_command(
        OUTPUT "${made}/files.cpp"
        COMMAND ${CMAKE_COMMAND} "-DLIST=${made}/files.txt" "-DDIR=${directory}" "-DFORMAT=${format}" "-DOUTPUT=${made}/files.cpp" "-DNAME=${name}" -P "${UNDROP_EMBED_SCRIPT}"
        DEPENDS ${scripts} "${made}/files.txt" "${UNDROP_EMBED_SCRIPT}"
        COMMENT "Embedding the migrations of ${directory}"
        VERBATIM)
    target_sources(${target} PRIVATE "${made}/files.cpp" "${made}/include/undrop_migrations/${name}.hpp")
    target_include_directories(${target} PRIVATE "${made}/include")
endfunction()

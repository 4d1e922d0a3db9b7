# cmake -DBUILT=BUILD -DWORK=DIR -P reversibility.cmake
#
# Installs undrop from the build at hand, and plays the project in reversibility/: which tests its migrations are, and how each of them
# ends. With the server that UNDROP_TEST_POSTGRES names, see tests/support/with-postgres.sh.
cmake_minimum_required(VERSION 3.25)

set(prefix ${WORK}/prefix)
set(project ${WORK}/project)
file(REMOVE_RECURSE ${WORK})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILT} --prefix ${prefix} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/reversibility/ DESTINATION ${project})

function(configure set)
    execute_process(COMMAND ${CMAKE_COMMAND} -S ${project} -B ${WORK}/${set} -G Ninja -DCMAKE_PREFIX_PATH=${prefix} -DSET=${set}
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    set(output "${output}" PARENT_SCOPE)
    set(result "${result}" PARENT_SCOPE)
endfunction()

# Runs ctest; `result` is its status, `output` what it printed.
function(play set)
    execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/${set} --output-on-failure ${ARGN}
        OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    set(output "${output}" PARENT_SCOPE)
    set(result "${result}" PARENT_SCOPE)
endfunction()

# "good: 1 members" ended as `how`: Passed, Failed, Skipped, "Not Run".
function(ended how)
    foreach(test IN LISTS ARGN)
        string(REGEX REPLACE "([][+.*()^])" "\\\\\\1" pattern "${test}")
        if(NOT output MATCHES "Test +#[0-9]+: ${pattern} \\.+[ *]*${how}")
            message(FATAL_ERROR "\"${test}\" did not end as ${how}:\n${output}")
        endif()
    endforeach()
endfunction()

function(says)
    foreach(text IN LISTS ARGN)
        string(FIND "${output}" "${text}" at)
        if(at EQUAL -1)
            message(FATAL_ERROR "Nothing says \"${text}\":\n${output}")
        endif()
    endforeach()
endfunction()

function(never_says)
    foreach(text IN LISTS ARGN)
        string(FIND "${output}" "${text}" at)
        if(NOT at EQUAL -1)
            message(FATAL_ERROR "Something says \"${text}\":\n${output}")
        endif()
    endforeach()
endfunction()

find_program(CMAKE_CTEST_COMMAND ctest REQUIRED)
set(ENV{UNDROP_TEST_DB})
set(ENV{UNDROP_DB} "sqlite:${WORK}/somebody_elses.db")

# SQLite: good ones pass, the bad one fails by its name, side by side; none where EXCEPT names it.
configure(sqlite)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "The project could not be configured:\n${output}")
endif()
play(sqlite -j 4)
ended("Passed" "good: rehearsal" "good: 1 members" "good: 2 drop_role" "good: 10 index" "bad: rehearsal" "bad: 1 members" "bad: 2 drop_role"
    "bad: 4 more" "excused: 1 members" "excused: 2 drop_role" "excused: 4 more")
ended("Failed" "bad: 3 visits")
says("members 7: no row -> (7, 'nobody@example.org')" "1 tests failed out of 13")
never_says("excused: 3 visits")
# One of them alone has its walk; what is added since is found, without a new configuration.
file(WRITE ${project}/good/11_new.up.sql "CREATE TABLE added (id INTEGER);\n")
play(sqlite -R "^good: 11 new$")
ended("Passed" "good: rehearsal" "good: 11 new")
never_says("good: 1 members")
if(NOT result EQUAL 0)
    message(FATAL_ERROR "That should succeed:\n${output}")
endif()

# Other tools' folders: listed by the program, one test for each version.
configure(formats)
play(formats)
ended("Passed" "goose: rehearsal" "goose: 00001 members" "flyway: 1.0 members" "flyway: 1.1 no_roles")
ended("Failed" "goose: 00002 first" "goose: there is a migration 00009, which EXCEPT names" "other: the migrations can be read")
says("this file has no `-- migrate:up`")

# What is wrong with the call, and with a folder, is no success.
configure(twice)
says("there are tests of the NAME \"good\" already")
configure(wrong)
play(wrong)
ended("Failed" "none: there are migrations in ${project}/nowhere" "stale: there is a migration 9, which EXCEPT names" "broken: 2 oh"
    "broken: 3 later")
ended("Passed" "broken: 1 members" "stale: 1 members")
says("not reached: 3")

# PostgreSQL: no server fails, unless OPTIONAL; then it is skipped.
configure(postgresql)
play(postgresql)
ended("Failed" "good: rehearsal")
ended("Not Run" "good: 1 members")
ended("Skipped" "optional: rehearsal" "optional: 1 members")
says("UNDROP_TEST_DB=postgresql://" "OPTIONAL")
set(ENV{UNDROP_TEST_DB} "postgresql://nobody:secret-word@127.0.0.1:1/nowhere")
play(postgresql)
ended("Failed" "good: rehearsal")
ended("Skipped" "optional: rehearsal" "optional: 1 members")
never_says("secret-word")
if(DEFINED ENV{UNDROP_TEST_POSTGRES})
    set(ENV{UNDROP_TEST_DB} "$ENV{UNDROP_TEST_POSTGRES}")
    play(postgresql -j 4)
    ended("Passed" "good: 1 members" "good: 2 drop_role" "good: 10 index" "good: 11 new" "bad: 1 members" "bad: 4 more" "optional: 1 members")
    ended("Failed" "bad: 3 visits")
endif()
if(EXISTS ${WORK}/somebody_elses.db)
    message(FATAL_ERROR "A rehearsal made the database that UNDROP_DB names.")
endif()
file(REMOVE_RECURSE ${WORK})

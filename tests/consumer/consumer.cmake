# cmake -DVARIANT=V -DTREE=SOURCES -DBUILT=BUILD -DWORK=DIR -DFLAGS=CXXFLAGS -DDEBUG_FLAGS=CXXFLAGS_DEBUG -DTYPE=BUILDTYPE
#     -DOPTIMISE=BOOL -P consumer.cmake
#
# Builds and runs the project beside this file with an undrop of one kind:
#     both          installed from the build at hand; also by pkg-config
#     shared        a shared library with both, installed
#     no-postgres   built without PostgreSQL, static, installed
#     no-sqlite     built without SQLite, static, installed
#     subdirectory  added as sources
# The library's own compiler flags are those of the build at hand, so that ccache knows most of the objects.
cmake_minimum_required(VERSION 3.25)

function(run)
    execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        list(JOIN ARGN " " line)
        message("${line}\n${output}")
        message(FATAL_ERROR "That failed.")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

set(common -G Ninja "-DCMAKE_BUILD_TYPE=${TYPE}" "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_CXX_FLAGS_DEBUG=${DEBUG_FLAGS}")
set(library_options -DUNDROP_CLI=OFF -DUNDROP_TESTS=OFF -DUNDROP_WERROR=ON -DUNDROP_OPTIMISE=${OPTIMISE})
set(prefix ${WORK}/prefix)
set(use "-DCMAKE_PREFIX_PATH=${prefix}")
set(want postgres,sqlite)
file(REMOVE_RECURSE ${WORK})

if(VARIANT STREQUAL "both")
    run(${CMAKE_COMMAND} --install ${BUILT} --prefix ${prefix})
elseif(VARIANT STREQUAL "subdirectory")
    set(use -DUNDROP_TREE=${TREE} ${library_options})
else()
    if(VARIANT STREQUAL "no-postgres")
        set(want sqlite)
        set(left_out postgres)
        set(options -DUNDROP_POSTGRES=OFF)
    elseif(VARIANT STREQUAL "no-sqlite")
        set(want postgres)
        set(left_out sqlite)
        set(options -DUNDROP_SQLITE=OFF)
    else()
        set(options -DBUILD_SHARED_LIBS=ON)
    endif()
    run(${CMAKE_COMMAND} -S ${TREE} -B ${WORK}/library ${common} ${library_options} ${options})
    run(${CMAKE_COMMAND} --build ${WORK}/library --parallel 2)
    run(${CMAKE_COMMAND} --install ${WORK}/library --prefix ${prefix})
endif()

if(left_out)
    execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/project -B ${WORK}/refused ${common} ${use} -DWANT=${left_out}
        OUTPUT_QUIET ERROR_VARIABLE output RESULT_VARIABLE result)
    if(result EQUAL 0 OR NOT output MATCHES "This undrop was built without ${left_out}")
        message(FATAL_ERROR "find_package(undrop COMPONENTS ${left_out}) should say that it was left out:\n${output}")
    endif()
endif()

if(VARIANT STREQUAL "both")
    file(WRITE ${WORK}/plain-source/CMakeLists.txt
        "cmake_minimum_required(VERSION 3.25)\nproject(plain LANGUAGES NONE)\nfind_package(undrop 0.1 REQUIRED)\n")
    execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK}/plain-source -B ${WORK}/plain -G Ninja ${use}
        OUTPUT_QUIET ERROR_VARIABLE output RESULT_VARIABLE result)
    if(result EQUAL 0 OR NOT output MATCHES "undrop is a C\\+\\+ library")
        message(FATAL_ERROR "find_package(undrop) in a project without C++ should say what it needs:\n${output}")
    endif()
endif()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/project -B ${WORK}/consumer ${common} ${use} "-DWANT=${want}")
run(${CMAKE_COMMAND} --build ${WORK}/consumer --parallel 2)
run(${CMAKE_COMMAND} -E chdir ${WORK}/consumer ./my-consumer)
message("${output}")

if(VARIANT STREQUAL "no-postgres")
    run(ldd ${WORK}/consumer/my-consumer)
    if(output MATCHES "libpq|pg_query")
        message(FATAL_ERROR "A PostgreSQL library is linked, though PostgreSQL was left out:\n${output}")
    endif()
    file(GLOB_RECURSE installed ${prefix}/lib*/cmake/undrop/undrop*.cmake ${prefix}/lib*/pkgconfig/*)
    foreach(path IN LISTS installed)
        file(READ ${path} text)
        if(text MATCHES "libpq|PostgreSQL::|PgQuery|find_dependency\\(PostgreSQL")
            message(FATAL_ERROR "${path} asks for a PostgreSQL library:\n${text}")
        endif()
    endforeach()
elseif(VARIANT STREQUAL "both")
    set(ENV{PKG_CONFIG_PATH} ${prefix}/lib/pkgconfig:${prefix}/lib64/pkgconfig)
    run(pkg-config --cflags --libs undrop)
    separate_arguments(options UNIX_COMMAND "${FLAGS} ${output}")
    run(c++ -std=c++20 ${TREE}/examples/release_tool/main.cpp -o ${WORK}/release_tool ${options})
    run(${prefix}/bin/undrop --version)
endif()
file(REMOVE_RECURSE ${WORK})

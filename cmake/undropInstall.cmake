# What `cmake --install` puts where: headers, library, program, package configuration and pkg-config file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(undrop_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/undrop)
set(undrop_targets undrop)
set(undrop_headers_left_out)
if(UNDROP_POSTGRES)
    list(APPEND undrop_targets undrop_postgres)
else()
    list(APPEND undrop_headers_left_out PATTERN postgres.hpp EXCLUDE)
endif()
if(UNDROP_SQLITE)
    list(APPEND undrop_targets undrop_sqlite)
else()
    list(APPEND undrop_headers_left_out PATTERN sqlite.hpp EXCLUDE)
endif()

install(TARGETS ${undrop_targets} EXPORT undropTargets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/undrop TYPE INCLUDE FILES_MATCHING PATTERN *.hpp ${undrop_headers_left_out})
install(EXPORT undropTargets NAMESPACE undrop:: DESTINATION ${undrop_package_dir})
if(UNDROP_CLI)
    set_target_properties(undrop_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
    install(TARGETS undrop_cli)
endif()

# What a program needs to find: headers that ours include, what it hands over connections of, and a static library's own libraries.
set(undrop_dependencies "find_dependency(Boost 1.74)")
if(UNDROP_POSTGRES)
    string(APPEND undrop_dependencies "\nfind_dependency(PostgreSQL)")
endif()
if(UNDROP_SQLITE)
    string(APPEND undrop_dependencies "\nif(NOT TARGET SQLite::SQLite3)\n    find_dependency(SQLite3)\nendif()")
endif()
if(NOT BUILD_SHARED_LIBS)
    string(APPEND undrop_dependencies "\nfind_dependency(fmt)\nfind_dependency(OpenSSL COMPONENTS Crypto)\nfind_dependency(Zstd)")
    if(UNDROP_POSTGRES)
        string(APPEND undrop_dependencies "\nfind_dependency(PgQuery)")
    endif()
    if(UNDROP_SQLITE)
        string(APPEND undrop_dependencies "\nfind_dependency(SOCI COMPONENTS Core SQLite3)")
    else()
        string(APPEND undrop_dependencies "\nfind_dependency(SOCI COMPONENTS Core)")
    endif()
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/undropConfig.cmake.in ${PROJECT_BINARY_DIR}/undropConfig.cmake
    INSTALL_DESTINATION ${undrop_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/undropConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    ${PROJECT_BINARY_DIR}/undropConfig.cmake
    ${PROJECT_BINARY_DIR}/undropConfigVersion.cmake
    ${CMAKE_CURRENT_LIST_DIR}/undropEmbedMigrations.cmake
    ${CMAKE_CURRENT_LIST_DIR}/undropReversibility.cmake
    DESTINATION ${undrop_package_dir})

# The same for pkg-config. Not as private requirements: with --static these would ask for static copies of everything below, too.
set(undrop_pc_requires "")
set(undrop_pc_libs "")
set(undrop_pc_cflags "")
if(NOT BUILD_SHARED_LIBS)
    set(undrop_pc_cflags " -DUNDROP_STATIC")
    set(undrop_pc_requires "fmt, libcrypto, libzstd")
    set(undrop_pc_libs " -lsoci_core")
    if(UNDROP_POSTGRES)
        string(APPEND undrop_pc_requires ", libpq")
        string(APPEND undrop_pc_libs " -lpg_query")
    endif()
    if(UNDROP_SQLITE)
        string(APPEND undrop_pc_requires ", sqlite3")
        string(PREPEND undrop_pc_libs " -lsoci_sqlite3")
    endif()
    install(FILES ${CMAKE_CURRENT_LIST_DIR}/FindSOCI.cmake ${CMAKE_CURRENT_LIST_DIR}/FindZstd.cmake DESTINATION ${undrop_package_dir})
    if(UNDROP_POSTGRES)
        install(FILES ${CMAKE_CURRENT_LIST_DIR}/FindPgQuery.cmake DESTINATION ${undrop_package_dir})
    endif()
endif()
set(undrop_pc_prefix "@prefix@")  # filled in when installing
configure_file(${CMAKE_CURRENT_LIST_DIR}/undrop.pc.in ${PROJECT_BINARY_DIR}/undrop.pc.in @ONLY)
# The prefix may be given as late as `cmake --install --prefix`.
install(CODE "
    set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
    configure_file(\"${PROJECT_BINARY_DIR}/undrop.pc.in\" \"${PROJECT_BINARY_DIR}/undrop.pc\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/undrop.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

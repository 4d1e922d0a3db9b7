# SOCI 4.0 and later: the targets SOCI::Core, SOCI::SQLite3 and SOCI::PostgreSQL, one for each component asked for.
# Debian ships SOCI 4.0 without a package configuration; the names are those of SOCI 4.1's own.
find_path(SOCI_INCLUDE_DIR NAMES soci/soci.h)
find_library(SOCI_Core_LIBRARY NAMES soci_core)
find_library(SOCI_SQLite3_LIBRARY NAMES soci_sqlite3)
find_library(SOCI_PostgreSQL_LIBRARY NAMES soci_postgresql)
mark_as_advanced(SOCI_INCLUDE_DIR SOCI_Core_LIBRARY SOCI_SQLite3_LIBRARY SOCI_PostgreSQL_LIBRARY)

foreach(component IN ITEMS Core SQLite3 PostgreSQL)
    if(SOCI_INCLUDE_DIR AND SOCI_${component}_LIBRARY)
        set(SOCI_${component}_FOUND TRUE)
    endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SOCI REQUIRED_VARS SOCI_Core_LIBRARY SOCI_INCLUDE_DIR HANDLE_COMPONENTS)

if(SOCI_FOUND)
    foreach(component IN ITEMS Core SQLite3 PostgreSQL)
        if(SOCI_${component}_FOUND AND NOT TARGET SOCI::${component})
            add_library(SOCI::${component} UNKNOWN IMPORTED)
            set_target_properties(SOCI::${component} PROPERTIES
                IMPORTED_LOCATION "${SOCI_${component}_LIBRARY}"
                INTERFACE_INCLUDE_DIRECTORIES "${SOCI_INCLUDE_DIR}")
            if(NOT component STREQUAL "Core")
                set_target_properties(SOCI::${component} PROPERTIES INTERFACE_LINK_LIBRARIES SOCI::Core)
            endif()
        endif()
    endforeach()
endif()

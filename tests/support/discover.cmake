# Read by ctest when it starts, so that the list of tests is never stale: asks `program` for its test cases and adds each as a test.
# Names are sentences of any characters, so no CMake list may hold them.
if(NOT EXISTS "${program}")
    add_test("${label}: not built" "${program}")
    return()
endif()
execute_process(COMMAND "${program}" --list-test-cases --no-skip=1 OUTPUT_VARIABLE lines RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    add_test("${label}: does not list its tests" "${program}" --list-test-cases)
    return()
endif()
while(lines MATCHES "^([^\n]*)\n")
    set(name "${CMAKE_MATCH_1}")
    string(LENGTH "${name}\n" length)
    string(SUBSTRING "${lines}" ${length} -1 lines)
    if(name MATCHES "^(\\[doctest\\]|=====)" OR name STREQUAL "")
        continue()
    endif()
    # In the program's filter a comma separates, and a question mark is any character.
    string(REGEX REPLACE "[^A-Za-z0-9 _.:-]" "?" filter "${name}")
    add_test("${name}" "${program}" "--test-case=${filter}" --no-skip=1 --no-version=1)
    # A filter that finds nothing succeeds: that is a failure here.
    set_tests_properties("${name}" PROPERTIES LABELS "${label}" TIMEOUT 900 FAIL_REGULAR_EXPRESSION "test cases: +0 ")
endwhile()

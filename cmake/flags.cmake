# The language, the warnings and the macros that are the same everywhere.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# CMake's own Release flags define NDEBUG.  What is asserted is ours to choose, by the OURO_ macros
# below, and <assert.h> in a test must always mean something.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")

# Feature macros are always 0 or 1, so that -Wundef finds the misspelled ones.
foreach(macro IN ITEMS OURO_DEBUG_ASSERTS OURO_SLOW_ASSERTS OURO_STRESS OURO_FAULT)
    add_compile_definitions(${macro}=$<BOOL:${${macro}}>)
endforeach()

add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla -Wpointer-arith -Wwrite-strings
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wcast-align
    -Wdouble-promotion -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(OURO_WERROR)
    add_compile_options(-Werror)
endif()

# Debug information names files as the repository does, so that a build tells nothing of its machine.
add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.")

if(OURO_SANITIZE)
    add_compile_options(-fsanitize=${OURO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${OURO_SANITIZE})
    if(OURO_SANITIZE STREQUAL "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # TSan does not understand fences, and gcc warns of each.  Ours order what another process reads.
        add_compile_options(-Wno-tsan)
    endif()
endif()
if(OURO_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "OURO_FUZZ needs clang: configure with the preset `fuzz`, or CC=clang")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
endif()

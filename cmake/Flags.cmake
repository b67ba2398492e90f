# Warnings are errors; hardening flags for every build, sanitizers and coverage when asked for.
include(CheckCCompilerFlag)

add_compile_options(-Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla
                    -Wimplicit-fallthrough -fno-omit-frame-pointer)
add_compile_options($<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
# Messages for people are cut to their buffers on purpose.
add_compile_options($<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
add_compile_definitions(_GNU_SOURCE VSOCD_VERSION="${PROJECT_VERSION}")

add_compile_options(-fstack-protector-strong)
foreach(flag -fstack-clash-protection -fcf-protection=full)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
        add_compile_options(${flag})
    endif()
endforeach()
set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -pie -Wl,-z,relro,-z,now")

if(VSOCD_SANITIZE)
    add_compile_options(-fsanitize=${VSOCD_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${VSOCD_SANITIZE})
    add_compile_definitions(VSOCD_SANITIZED)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(VSOCD_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()
if(VSOCD_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

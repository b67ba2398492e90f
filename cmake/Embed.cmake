enable_language(ASM)

# embed_file(target path symbol): the file's bytes as `const uint8_t symbol[]`, `const size_t symbol_size` linked into target.
function(embed_file target path symbol)
    get_filename_component(full ${path} ABSOLUTE)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/embed_${symbol}.S)
    file(WRITE ${out}.tmp
"#ifdef __CET__\n#include <cet.h>\n#endif\n    .section .rodata\n    .global ${symbol}\n    .global ${symbol}_size\n    .balign 16\n${symbol}:\n    .incbin \"${full}\"\n1:\n    .byte 0\n    .balign 8\n${symbol}_size:\n    .quad 1b - ${symbol}\n    .section .note.GNU-stack,\"\",@progbits\n")
    file(COPY_FILE ${out}.tmp ${out} ONLY_IF_DIFFERENT)
    set_source_files_properties(${out} PROPERTIES OBJECT_DEPENDS ${full})
    target_sources(${target} PRIVATE ${out})
endfunction()

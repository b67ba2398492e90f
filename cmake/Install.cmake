# What `cmake --install` puts where, beside the program itself (server/CMakeLists.txt).

# The public headers and what they include: all that a plug-in needs.
install(FILES core/event.h core/event_fields.def core/slice.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vsocd/core)
install(FILES parsers/parser.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vsocd/parsers)
install(FILES storage/sink.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vsocd/storage)
# Relocatable: the prefix is told from where the file lies.
file(RELATIVE_PATH VSOCD_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/vsocd.pc.in ${CMAKE_BINARY_DIR}/vsocd.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/vsocd.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES docs/man/vsocd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES docs/man/vsocd.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
# An example, not the settings in force: those are the operator's and are never overwritten.
install(FILES deploy/vsocd.yaml deploy/catalog.csv DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES LICENSE docs/vsoc-event.schema.json DESTINATION ${CMAKE_INSTALL_DOCDIR})

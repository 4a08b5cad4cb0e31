# Before rpmbuild: what only Debian has is taken out.
file(GLOB debian_only LIST_DIRECTORIES ON "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/lintian"
  "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/share/lintian" "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/*/changelog.gz"
  "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/share/doc/*/changelog.gz")
if(debian_only)
  file(REMOVE_RECURSE ${debian_only})
endif()

# What `cmake --install` lays down, and the packages of tools/package. Two components, and a package for each:
#
#   engine   sluice        load   sluice-load
#
# The files of a system (unit, user, sysctl, /etc/sluice) are marked EXCLUDE_FROM_ALL: `cmake --install` below a prefix
# leaves them out, and so does the tarball. Both get them as examples in share/sluice/deploy.
include(GNUInstallDirs)
set(deploy ${CMAKE_SOURCE_DIR}/tools/deploy)
set(made ${CMAKE_BINARY_DIR}/package_files)  # by tools/deploy/pages
set(SLUICE_PACKAGE_VERSION ${PROJECT_VERSION} CACHE STRING "Version of the packages; tools/package sets it")
set(SLUICE_PACKAGE_DATE 0 CACHE STRING "Date of manual pages and changelogs, in seconds since 1970; tools/package sets it")

# --- pages: manual, completion, licences, changelog ------------------------------------------------------------------
find_program(SLUICE_PYTHON python3)
if(SLUICE_PYTHON AND NOT SLUICE_SANITIZE AND NOT SLUICE_FUZZ)
  file(GLOB page_sources CONFIGURE_DEPENDS ${deploy}/pages/*.py)
  add_custom_command(OUTPUT ${made}/done
    COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1 ${SLUICE_PYTHON} ${deploy}/pages
      --engine $<TARGET_FILE:sluice> --load $<TARGET_FILE:sluice-load> --version ${SLUICE_PACKAGE_VERSION}
      --date ${SLUICE_PACKAGE_DATE} --to ${made}
    COMMAND ${CMAKE_COMMAND} -E touch ${made}/done
    DEPENDS sluice sluice-load ${page_sources} ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/LICENSE
      ${CMAKE_SOURCE_DIR}/docs/dependencies.md
    COMMENT "Manual pages and completions" VERBATIM)
  add_custom_target(package_files ALL DEPENDS ${made}/done)
endif()

# --- below a prefix --------------------------------------------------------------------------------------------------
install(TARGETS sluice COMPONENT engine)
install(TARGETS sluice-load COMPONENT load)
install(FILES parsers/telemetry/telemetry.proto DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice COMPONENT engine)
# OPTIONAL: a build of the programs alone has no pages.
install(FILES ${made}/sluice.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT engine OPTIONAL)
install(FILES ${made}/sluice.toml.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT engine OPTIONAL)
install(FILES ${made}/sluice-load.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT load OPTIONAL)
set(completions ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${made}/completion/sluice DESTINATION ${completions} COMPONENT engine OPTIONAL)
install(FILES ${made}/completion/sluice-load DESTINATION ${completions} COMPONENT load OPTIONAL)
install(DIRECTORY ${deploy}/etc ${deploy}/systemd DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/deploy COMPONENT examples)
install(FILES ${made}/engine/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/licences RENAME sluice COMPONENT examples OPTIONAL)
install(FILES ${made}/load/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/licences RENAME sluice-load COMPONENT examples OPTIONAL)

# --- of a system -----------------------------------------------------------------------------------------------------
function(system_file component file folder name)
  install(FILES ${file} DESTINATION ${folder} RENAME ${name} COMPONENT ${component} EXCLUDE_FROM_ALL ${ARGN})
endfunction()
system_file(engine ${deploy}/systemd/sluice.service /usr/lib/systemd/system sluice.service)
system_file(engine ${deploy}/systemd/sluice.sysusers /usr/lib/sysusers.d sluice.conf)
system_file(engine ${deploy}/systemd/sluice.sysctl /usr/lib/sysctl.d 50-sluice.conf)
system_file(engine ${deploy}/etc/sluice.toml /etc/sluice sluice.toml)
system_file(engine ${deploy}/etc/tenants.toml /etc/sluice tenants.toml PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
system_file(engine ${deploy}/etc/redis-password /etc/sluice redis-password PERMISSIONS OWNER_READ OWNER_WRITE)
foreach(pair engine:sluice load:sluice-load)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  system_file(${component} ${made}/${component}/copyright /usr/share/doc/${package} copyright OPTIONAL)
  system_file(${component} ${made}/${component}/changelog.gz /usr/share/doc/${package} changelog.gz OPTIONAL)
  system_file(${component} ${deploy}/debian/${component}/lintian-overrides /usr/share/lintian/overrides ${package})
endforeach()

# --- packages --------------------------------------------------------------------------------------------------------
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_VERSION ${SLUICE_PACKAGE_VERSION})
set(CPACK_PACKAGE_VENDOR "Sluice")
set(CPACK_PACKAGE_CONTACT "Sluice maintainers <sluice@packages.invalid>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_SOURCE_DIR}/build/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL engine load)
set(CPACK_COMPONENTS_GROUPING IGNORE)  # a package for each component
set(engine_summary "HTTP telemetry ingestion into Redis")
set(engine_text "Sluice takes telemetry of devices and agents over HTTP (JSON, Protocol
Buffers, InfluxDB's line protocol, Prometheus' remote write, OTLP,
collectd), checks it, and delivers it to Redis in pipelined batches. An
answer says what it promises: samples are in memory, in the local journal,
in Redis, or in its replicas.")
set(load_summary "load generator for HTTP telemetry")
set(load_text "sluice-load measures HTTP/1.1 servers, by default in an open loop. It has
corrected latencies, searches for the highest rate within a target, and can
compare what was acknowledged with what is in Redis.")
foreach(component ENGINE LOAD)
  string(TOLOWER ${component} lower)
  set(CPACK_DEBIAN_${component}_DESCRIPTION "${${lower}_summary}\n${${lower}_text}")
  set(CPACK_RPM_${component}_PACKAGE_SUMMARY "${${lower}_summary}")
  set(CPACK_RPM_${component}_PACKAGE_DESCRIPTION "${${lower}_text}")
endforeach()
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/packages_config.cmake)
set(CPACK_SLUICE_RPM_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/packages_rpm.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_ENGINE_PACKAGE_NAME sluice)
set(CPACK_DEBIAN_ENGINE_PACKAGE_SECTION net)
# Whichever of them makes users of /usr/lib/sysusers.d.
set(CPACK_DEBIAN_ENGINE_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_ENGINE_PACKAGE_SUGGESTS "redis-server, sluice-load")
set(CPACK_DEBIAN_ENGINE_PACKAGE_CONTROL_EXTRA ${deploy}/debian/engine/conffiles ${deploy}/debian/engine/postinst
  ${deploy}/debian/engine/prerm ${deploy}/debian/engine/postrm)
set(CPACK_DEBIAN_LOAD_PACKAGE_NAME sluice-load)
set(CPACK_DEBIAN_LOAD_PACKAGE_SECTION net)
set(CPACK_DEBIAN_LOAD_PACKAGE_SUGGESTS "sluice")

set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE MIT)
set(CPACK_RPM_PACKAGE_GROUP "System Environment/Daemons")
set(CPACK_RPM_PACKAGE_AUTOREQ ON)
set(CPACK_RPM_PACKAGE_AUTOPROV OFF)
set(CPACK_RPM_ENGINE_PACKAGE_NAME sluice)
set(CPACK_RPM_LOAD_PACKAGE_NAME sluice-load)
set(CPACK_RPM_ENGINE_PACKAGE_REQUIRES_PRE shadow-utils)
set(CPACK_RPM_ENGINE_PRE_INSTALL_SCRIPT_FILE ${deploy}/rpm/pre)
set(CPACK_RPM_ENGINE_POST_INSTALL_SCRIPT_FILE ${deploy}/rpm/post)
set(CPACK_RPM_ENGINE_PRE_UNINSTALL_SCRIPT_FILE ${deploy}/rpm/preun)
set(CPACK_RPM_ENGINE_POST_UNINSTALL_SCRIPT_FILE ${deploy}/rpm/postun)
set(CPACK_RPM_ENGINE_USER_FILELIST "%config(noreplace) /etc/sluice/sluice.toml"
  "%config(noreplace) %attr(0640, root, sluice) /etc/sluice/tenants.toml" "%config(noreplace) /etc/sluice/redis-password")
# Folders of others.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/lib/systemd /usr/lib/systemd/system /usr/lib/sysusers.d
  /usr/lib/sysctl.d /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/man /usr/share/man/man1 /usr/share/man/man5)
# The same bytes for the same files: no names of machines, no times but SOURCE_DATE_EPOCH, no ids of packages.
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _buildhost sluice.invalid
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define __os_install_post %{nil}
%define _build_id_links none")

set(CPACK_ARCHIVE_COMPONENT_INSTALL OFF)
set(CPACK_SYSTEM_NAME linux-${CMAKE_SYSTEM_PROCESSOR})
include(CPack)

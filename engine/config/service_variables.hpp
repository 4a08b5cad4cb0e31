// Service variables: what Kubernetes puts into the environment of every container beside a Service called `sluice`.
// They begin like settings and are none; all others that do are refused, because a mistyped setting would be ignored
// silently.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// Whether Kubernetes makes a variable of this name: SLUICE_SERVICE_HOST, SLUICE_SERVICE_PORT and
// SLUICE_SERVICE_PORT_<NAME>, SLUICE_PORT, SLUICE_PORT_<n>_<TCP, UDP or SCTP> and the same with _PROTO, _PORT or _ADDR
// (kubelet, envvars.go).
[[nodiscard]] bool is_service_variable(std::string_view name);

// Their names, of an environment of NAME=value.
[[nodiscard]] std::vector<std::string> service_variables(std::span<const std::string> environment);

}  // namespace sluice::config

// Service variables: what Kubernetes puts into the environment of every container of a namespace, for each Service of
// it (kubelet, envvars.go). A Service called `sluice`, or `sluice-redis`, makes variables that begin like settings and
// are none. All others that begin so are refused, because a mistyped setting would be ignored silently.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// Whether Kubernetes makes such a variable of a Service whose name begins with `sluice`: SLUICE…_SERVICE_HOST,
// SLUICE…_SERVICE_PORT, SLUICE…_SERVICE_PORT_<NAME>; SLUICE…_PORT with a value that begins with tcp://, udp:// or
// sctp://; and SLUICE…_PORT_<n>_<TCP, UDP or SCTP>, also with _PROTO, _PORT or _ADDR behind it. No setting has a name
// of these shapes.
[[nodiscard]] bool is_service_variable(std::string_view name, std::string_view value);

// Their names, of an environment of NAME=value.
[[nodiscard]] std::vector<std::string> service_variables(std::span<const std::string> environment);

}  // namespace sluice::config

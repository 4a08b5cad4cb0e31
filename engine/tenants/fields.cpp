#include "engine/tenants/fields.hpp"

#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"

namespace sluice::tenants {
namespace {

std::string shown(const FileSetting& setting) {
    switch (setting.type) {
        case FileSetting::Type::string: return quoted(setting.text, limits::shown_bytes_max);
        case FileSetting::Type::integer:
        case FileSetting::Type::decimal:
        case FileSetting::Type::boolean: return setting.text;
        default: return std::string(setting.type_name);
    }
}

std::unexpected<Fault> fault_of(const FileSetting& setting, std::string_view found, std::string_view allowed) {
    std::string what(setting.key);
    what.append(" is ").append(found).append("; allowed is ").append(allowed);
    return std::unexpected(Fault{setting.line, std::move(what)});
}

}  // namespace

std::unexpected<Fault> fault(const FileSetting& setting, std::string_view allowed) {
    return fault_of(setting, shown(setting), allowed);
}

std::unexpected<Fault> hidden_fault(const FileSetting& setting, std::string_view allowed) {
    return fault_of(setting, is_string(setting) ? "another text" : shown(setting), allowed);
}

bool is_string(const FileSetting& setting) { return setting.type == FileSetting::Type::string; }
bool is_table(const FileSetting& setting) { return setting.type == FileSetting::Type::group; }
bool is_array(const FileSetting& setting) { return setting.type == FileSetting::Type::array; }

}  // namespace sluice::tenants

#include "parsers/http/text.hpp"

#include <algorithm>

namespace sluice::parsers {

std::string_view take_list_element(std::string_view& list) {
    std::string_view element;
    while (element.empty() && !list.empty()) {  // ends: each turn takes an element off the list
        const std::size_t comma = std::min(list.find(','), list.size());
        element = trim_ows(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return element;
}

}  // namespace sluice::parsers

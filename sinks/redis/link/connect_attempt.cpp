#include "sinks/redis/link/connect_attempt.hpp"

#include <utility>

namespace sluice::sinks::redis {
namespace {

constexpr std::size_t reasons_count_max = 4;  // that a sentence holds

}  // namespace

std::expected<void, std::string> ConnectAttempt::begin(const RedisSettings& settings, AddressBook& book) {
    next_index_ = failed_count_ = 0;
    name_.clear();
    reasons_.clear();
    addresses_.clear();
    if (!settings.path.empty()) {
        name_ = settings.path;
        addresses_ = {settings.path};
        return {};
    }
    server_ = {settings.host, settings.port};
    if (settings.find_server) {
        auto found = settings.find_server();
        if (!found) return std::unexpected(std::move(found).error());
        server_ = *std::move(found);
    }
    name_ = text_of(server_);
    auto addresses = book.find(server_);
    if (addresses) addresses_ = *std::move(addresses);
    else reasons_ = addresses.error();
    return {};
}

void ConnectAttempt::worked(AddressBook& book) const {
    if (has_name()) book.worked(server_, address());
}

void ConnectAttempt::was_useless(AddressBook& book) const {
    if (has_name()) book.was_useless(server_, address());
}

bool ConnectAttempt::next() {
    if (next_index_ == addresses_.size()) return false;
    ++next_index_;
    return true;
}

void ConnectAttempt::failed(const std::string& reason) {
    if (++failed_count_ > reasons_count_max) {
        if (left_count() == 0) reasons_ += ", and " + std::to_string(failed_count_ - reasons_count_max) + " more";
        return;
    }
    if (!reasons_.empty()) reasons_ += ", ";
    reasons_ += reason;
    if (has_name()) reasons_ += " (" + address() + ")";
}

std::string ConnectAttempt::peer() const {
    return next_index_ != 0 && has_name() ? name_ + " (" + address() + ")" : name_;
}

}  // namespace sluice::sinks::redis

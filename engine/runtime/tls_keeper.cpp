#include "engine/runtime/tls_keeper.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/log/log.hpp"
#include "engine/runtime/tls_settings.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t day_ns = 24 * 3600 * std::uint64_t{1'000'000'000};
constexpr std::int64_t day_s = 24 * 3600;
// A certificate that ends sooner is told of each day. Automatic renewal replaces one of 90 days after 60.
constexpr std::int64_t warned_s = 14 * day_s;

// A signature with twice the bits costs about six times the CPU time, which a reactor spends.
constexpr std::uint32_t rsa_bits_usual = 2048;

}  // namespace

std::expected<void, std::string> TlsKeeper::load() {
    const tls::Settings settings = tls_settings(config_);
    stamps_ = tls::stamps_of(settings);
    auto context = tls::Context::load(settings);
    if (!context) return std::unexpected(context.error());
    if (!(*context)->unknown_groups().empty())
        log::debug("tls_groups_unknown", {{"groups", (*context)->unknown_groups()}});
    for (const tls::CertificateInfo& info : (*context)->certificates())
        if (info.is_rsa && info.key_bits > rsa_bits_usual)
            log::warn("certificate_costly",
                      {{"file", info.file}, {"rsa_bits", info.key_bits}, {"cheaper", "ECDSA P-256"}});
    published_.publish(std::move(*context));
    look_ns_ = monotonic_ns() + config_.tls.reload_interval_ns;
    warn_of_ends(monotonic_ns(), unix_ns() / 1'000'000'000);
    return {};
}

bool TlsKeeper::look(std::uint64_t now_ns, std::int64_t now_s) {
    if (!is_on()) return false;
    if (now_ns >= warn_ns_) warn_of_ends(now_ns, now_s);
    if (config_.tls.reload_interval_ns == 0 || now_ns < look_ns_) return false;
    look_ns_ = now_ns + config_.tls.reload_interval_ns;
    return tls::stamps_of(tls_settings(config_)) != stamps_ && reload(now_s, "files changed");
}

bool TlsKeeper::reload(std::int64_t now_s, const char* why) {
    CHECK(is_on());
    const tls::Settings settings = tls_settings(config_);
    stamps_ = tls::stamps_of(settings);  // before they are read: what changes meanwhile is seen by the next look
    auto context = tls::Context::load(settings, published_.context().get());
    std::string error = context ? (*context)->expired(now_s) : context.error();
    if (!error.empty()) {
        published_.failed_reloads_count.fetch_add(1, std::memory_order_relaxed);
        log::error("tls_reload_failed", {{"cause", why}, {"reason", error}, {"certificates", "the old ones stay"}});
        return false;
    }
    published_.publish(std::move(*context));
    published_.reloads_count.fetch_add(1, std::memory_order_relaxed);
    log::info("tls_reloaded", {{"cause", why}});
    warn_of_ends(monotonic_ns(), now_s);
    return true;
}

std::uint64_t TlsKeeper::next_ns() const {
    if (!is_on()) return 0;
    return config_.tls.reload_interval_ns == 0 ? warn_ns_ : std::min(warn_ns_, look_ns_);
}

void TlsKeeper::warn_of_ends(std::uint64_t now_ns, std::int64_t now_s) {
    warn_ns_ = now_ns + day_ns;
    for (const tls::CertificateInfo& info : published_.context()->certificates()) {
        const std::int64_t left_s = info.not_after_s - now_s;
        if (left_s > warned_s) continue;
        log::warn(left_s <= 0 ? "certificate_expired" : "certificate_expires",
                  {{"name", info.name}, {"file", info.file}, {"days_left", std::max<std::int64_t>(left_s, 0) / day_s}});
    }
}

}  // namespace sluice

// RequestSource: the next request of a load thread, of one of the plan's endpoints, and what its response must be.
//
// A device may send on any connection of its thread, as what is due goes where there is room. With a ledger each keeps
// to one connection: two requests in flight at once have no order, and `verify` judges by order.
//
// On its load thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/core/slot.hpp"
#include "tools/load/plan/run_plan.hpp"
#include "tools/load/run/body_check.hpp"
#include "tools/load/run/partial_success.hpp"
#include "tools/load/run/recorder.hpp"
#include "tools/load/run/request_renderer.hpp"

namespace sluice::load {

class RequestSource {
  public:
    // The plan's templates have been parsed before without error.
    RequestSource(const RunPlan& plan, std::uint32_t thread);

    // Every request is the same bytes; fixed() returns them, as often as it is pipelined.
    [[nodiscard]] bool is_fixed() const { return !fixed_.empty(); }
    [[nodiscard]] const char* fixed() const { return fixed_.data(); }
    [[nodiscard]] std::size_t fixed_bytes() const { return renderers_.front()->fixed().size(); }
    [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
    [[nodiscard]] bool keeps_bodies() const { return keeps_bodies_; }

    // Draws the endpoint of the next request.
    std::uint16_t next_endpoint() {
        if (renderers_.size() == 1) return 0;
        const double at = random_.uniform() * weights_.back();
        return static_cast<std::uint16_t>(std::upper_bound(weights_.begin(), weights_.end() - 1, at) -
                                          weights_.begin());
    }
    std::size_t render(std::uint16_t endpoint, Slot connection, char* out, RequestIdentity& identity);

    // Of the endpoint's figures; Ending::no_row if endpoints are not told apart.
    [[nodiscard]] std::uint16_t row_of(std::uint16_t endpoint) const { return rows_[endpoint]; }
    [[nodiscard]] bool is_head(std::uint16_t endpoint) const { return is_head_[endpoint]; }
    [[nodiscard]] bool is_good_status(std::uint16_t endpoint, std::uint16_t status) const;
    // An answer of success that takes every sample.
    [[nodiscard]] bool is_whole(std::uint16_t endpoint, std::string_view body) const {
        return is_whole_success(formats_[endpoint], body);
    }
    [[nodiscard]] bool is_good_body(std::uint16_t endpoint, std::string_view body) {
        return checks_[endpoint].passes(body);
    }
    [[nodiscard]] std::uint32_t samples_count() const { return samples_count_; }

  private:
    std::vector<Devices> devices_;  // of each connection, or one for all
    std::uint32_t thread_index_, threads_count_;
    Random random_;
    std::vector<std::unique_ptr<RequestRenderer>> renderers_;
    std::vector<BodyCheck> checks_;
    std::vector<ResponseCheck> response_checks_;
    std::vector<BodyFormat> formats_;
    std::vector<bool> is_head_;
    std::vector<std::uint16_t> rows_;
    std::vector<double> weights_;  // cumulative
    std::string fixed_;
    std::size_t bytes_max_ = 0;
    std::uint32_t samples_count_;
    bool keeps_bodies_ = false;
};

}  // namespace sluice::load

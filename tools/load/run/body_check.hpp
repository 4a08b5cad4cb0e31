// BodyCheck: whether the JSON object of a response has a member of a certain value, such as `ok === true`. A body that
// is byte for byte the last one gets the last answer without being parsed. One load thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::load {

class BodyCheck {
  public:
    // `value` is JSON text. An empty member makes a check that everything passes.
    BodyCheck(std::string member, std::string value) : member_(std::move(member)), value_(std::move(value)) {}

    [[nodiscard]] bool is_needed() const { return !member_.empty(); }
    [[nodiscard]] bool passes(std::string_view body) {
        if (!is_needed()) return true;
        if (!has_last_ || body != last_body_) {
            last_verdict_ = passes_uncached(body);
            last_body_.assign(body);
            has_last_ = true;
        }
        return last_verdict_;
    }

  private:
    [[nodiscard]] bool passes_uncached(std::string_view body) const;

    std::string member_, value_;
    std::string last_body_;
    bool has_last_ = false, last_verdict_ = false;
};

}  // namespace sluice::load

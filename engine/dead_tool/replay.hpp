// `sluice dead replay`: sends the letters of a tenant to an engine again. A letter is deleted where the answer proves
// that its record is stored, or where Redis shows that the engine has kept it anew. All others stay. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/ack.hpp"
#include "engine/core/sample_mapping.hpp"
#include "engine/dead_tool/answer.hpp"
#include "engine/dead_tool/letter_request.hpp"
#include "engine/dead_tool/letters.hpp"

namespace sluice::dead_tool {

class Replay {
  public:
    struct Settings {
        HttpTarget target;
        std::string token;
        AckLevel ack = AckLevel::stored;  // that requests ask for
        SampleMapping mapping{};
    };
    struct Figures {
        std::uint64_t taken_count = 0;
        std::uint64_t refused_count = 0;  // as records
        std::uint64_t left_count = 0;     // that could not be sent again, or were refused with their requests
        std::uint64_t kept_count = 0;     // of the refused: whose new letter was not found, so the old one stays
        std::string left_reason;          // of the first one that was left
    };

    // `clients` outlives it.
    Replay(dead_letters::Clients& clients, Tenant tenant, Settings settings)
        : clients_(clients), tenant_(std::move(tenant)), settings_(std::move(settings)) {}

    // All letters that are there now, or until it makes no sense to go on: an error is a sentence.
    [[nodiscard]] Done run();
    [[nodiscard]] const Figures& figures() const { return figures_; }

  private:
    // A letter whose record was refused again.
    struct Refused {
        std::string id;
        std::string format;
        std::string record;
    };

    [[nodiscard]] Done send(const Entry& letter);
    [[nodiscard]] Done send(const Entry& letter, const LetterRequest& request);
    void leave(std::string reason);
    [[nodiscard]] Done settle_refused();
    [[nodiscard]] std::expected<bool, std::string> look_for_new_letters();

    dead_letters::Clients& clients_;
    const Tenant tenant_;
    const Settings settings_;
    Figures figures_;
    std::vector<Refused> refused_;  // whose new letters are looked for
    std::string new_begin_;  // of letters that the engine has kept since, for XRANGE
};

}  // namespace sluice::dead_tool

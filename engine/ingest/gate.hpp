// Gate: whether a request is let in, and as what. The one place for the order in which requests are refused:
//
//   route → method, in entrance.hpp, for every listener; then access → options → admission → body
//
// Of a reactor's listeners; the admin thread's own order, route then method, stands in AdminThread::refuses_head().
//
// Asked of each request once it is whole, and of one whose body is on its way as soon as its head is there, so that a
// body that would be refused anyway is not waited for. One for each reactor, on its thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "engine/batching/batcher.hpp"
#include "engine/core/content_coding.hpp"
#include "engine/http/application.hpp"
#include "engine/http/router.hpp"
#include "engine/idempotency/idempotency_table.hpp"
#include "engine/ingest/access.hpp"
#include "engine/ingest/address_meter.hpp"
#include "engine/ingest/admission.hpp"
#include "engine/ingest/format.hpp"
#include "engine/ingest/request_options.hpp"

namespace sluice {

class Gate {
  public:
    // Targets of the router from here on are formats: this one is the first. Those below are the owner's own.
    static constexpr std::uint16_t format_target_min = 256;

    enum class Body : std::uint8_t { on_its_way, whole };

    struct Passage {
        Passage() {}  // leaves the options as they are
        std::uint16_t target = 0;        // of the route
        const Format* format = nullptr;  // null: no ingest endpoint, and there are no options
        std::string_view allow{};        // not empty: an OPTIONS request, which is told this
        tenants::TenantNumber tenant = tenants::no_tenant;  // where there are tenants, of an ingest endpoint
        RequestOptions options;

        [[nodiscard]] std::size_t format_index() const { return target - format_target_min; }
    };
    struct Refused {
        Refusal reason;
        std::string_view allow{};        // of method_not_allowed
        http::Whereabouts where{};       // of not_found
        const Format* format = nullptr;  // whose shape the error has; null: it is not known
        bool is_of_format = true;        // false: the path is a page beside those of the format
        std::string_view nearest{};      // of unknown_parameter
        parsers::Dialect dialect = 0;    // of the request
        bool hides_retry_after = false;
        bool ends_connection = false;
        std::optional<tenants::QuotaExcess> excess{};  // of quota_exceeded
        tenants::TenantNumber tenant = tenants::no_tenant;  // that it was let in as, before it was refused
    };

    // `idempotency` may be null. All outlive the gate.
    Gate(std::span<const Format> formats, const Admission& admission, const Batcher& batcher, const AckOffer& offer,
         ContentCodings codings, IdempotencyTable* idempotency);

    // Adds a path that is no ingest endpoint. `target` is below format_target_min. `errors_like`: the path of a format,
    // whose shape the errors have; empty: JSON's.
    void add_route(const http::Route& route, std::string_view errors_like = {});
    // From here on an ingest endpoint, and the page of `query_target`, are for tenants. `access` outlives the gate.
    void guard(Access& access, std::uint16_t query_target);
    // The same for a quota of each address, where there are no tenants.
    void meter(AddressMeter& meter) { meter_ = &meter; }

    [[nodiscard]] std::expected<Passage, Refused> check(const http::Request& request, Body body) const;
    // Whether an ingest endpoint is at the path of the request, whatever its method.
    [[nodiscard]] bool is_for_ingest(const http::Request& request) const;
    // Of a request that was refused by others: in whose shape it is told. Of its head its path must be there
    // (has_path()); the rest may be cut.
    [[nodiscard]] Refused refused(const http::Request& request, Refusal reason) const;

  private:
    [[nodiscard]] const Format* format_of(const http::Request& request, std::uint16_t target) const;
    [[nodiscard]] std::optional<Refusal> refusal_of(const http::Request& request, const Passage& passage,
                                                    Body body) const;
    [[nodiscard]] std::optional<Refused> refusal_of_access(const http::Request& request, Body body,
                                                           Passage& passage) const;
    [[nodiscard]] Refused denied(const http::Request& request, const Denied& why) const;
    [[nodiscard]] const AckOffer& offer_to(const Passage& passage) const;
    [[nodiscard]] bool needs_admission(const Passage& passage, Body body) const;

    const std::span<const Format> formats_;
    http::Router router_;
    const Admission& admission_;
    const Batcher& batcher_;
    const AckOffer offer_;
    // By level: what is offered to a tenant that may ask for it at most.
    std::array<AckOffer, ack_level_names.size()> capped_offers_;
    const ContentCodings codings_;
    IdempotencyTable* const idempotency_;
    // By target, of paths that are no ingest endpoint: whose shape their errors have; null: JSON's.
    std::array<const Format*, format_target_min> error_formats_{};
    Access* access_ = nullptr;  // null: everybody may send
    std::uint16_t query_target_ = 0;
    AddressMeter* meter_ = nullptr;  // null: addresses have no quota
};

}  // namespace sluice

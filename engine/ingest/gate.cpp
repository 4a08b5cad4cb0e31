#include "engine/ingest/gate.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/ingest/entrance.hpp"
#include "engine/ingest/scoped_key.hpp"

namespace sluice {

Gate::Gate(std::span<const Format> formats, const Admission& admission, const Batcher& batcher, const AckOffer& offer,
           ContentCodings codings, IdempotencyTable* idempotency)
    : formats_(formats),
      admission_(admission),
      batcher_(batcher),
      offer_(offer),
      codings_(codings),
      idempotency_(idempotency) {
    for (std::size_t level = 0; level < capped_offers_.size(); ++level)
        capped_offers_[level] = offer.capped(static_cast<AckLevel>(level));
    std::uint16_t target = format_target_min;
    for (const Format& format : formats) {
        for (const std::string_view path : format.paths) router_.add({path, http::Methods::post, target});
        ++target;
    }
}

void Gate::add_route(const http::Route& route, std::string_view errors_like) {
    CHECK(route.target < format_target_min);
    router_.add(route);
    if (errors_like.empty()) return;
    const auto format = std::ranges::find_if(formats_, [errors_like](const Format& one) {
        return std::ranges::find(one.paths, errors_like) != one.paths.end();
    });
    CHECK(format != formats_.end());
    error_formats_[route.target] = &*format;
}

std::expected<Gate::Passage, Gate::Refused> Gate::check(const http::Request& request, Body body) const {
    const auto entrance = enter(router_, request);
    if (!entrance) {
        Refused told = refused(request, entrance.error().reason);
        told.allow = entrance.error().allow;
        told.where = entrance.error().where;
        return std::unexpected(told);
    }
    std::expected<Passage, Refused> passed(std::in_place);
    passed->allow = entrance->allow;
    if (entrance->route == nullptr) return passed;
    passed->target = entrance->route->target;
    const AckOffer* offer = &offer_;
    if (access_ != nullptr) {
        if (auto denied = refusal_of_access(request, body, *passed)) {
            denied->tenant = passed->tenant;
            return std::unexpected(*denied);
        }
        offer = &offer_to(*passed);
    }
    if (passed->target < format_target_min) return passed;
    if (meter_ != nullptr) {
        if (const auto excess = meter_->admit(request, body == Body::whole))
            return std::unexpected(denied(request, {Refusal::quota_exceeded, false, excess}));
    }
    const Format* const format = format_of(request, passed->target);
    passed->target = static_cast<std::uint16_t>(format_target_min + (format - formats_.data()));
    passed->format = format;
    auto refusal = read_options(request, *format, *offer, codings_, passed->options);
    if (!refusal) refusal = format->refusal;
    if (!refusal) refusal = refusal_of(request, *passed, body);
    if (!refusal) return passed;
    return std::unexpected(Refused{
        .reason = *refusal,
        .format = format,
        .nearest = *refusal == Refusal::unknown_parameter ? nearest_parameter(request.query) : std::string_view{},
        .dialect = passed->options.dialect,
        .hides_retry_after = passed->options.hides_retry_after,
        .tenant = passed->tenant});
}

// At one path several formats may be taken: `target` is that of the first.
const Format* Gate::format_of(const http::Request& request, std::uint16_t target) const {
    const Format* format = &formats_[target - format_target_min];
    while (is_for_next_format(request, *format)) ++format;  // ends: at the last row
    return format;
}

bool Gate::is_for_ingest(const http::Request& request) const {
    const http::Route* const route = router_.at(request.path, request.listener_role_number);
    return route != nullptr && route->target >= format_target_min;
}

Gate::Refused Gate::refused(const http::Request& request, Refusal reason) const {
    Refused refused{.reason = reason};
    const http::Route* const route = router_.at(request.path, request.listener_role_number);
    if (route == nullptr) return refused;
    refused.is_of_format = route->target >= format_target_min;
    refused.format = refused.is_of_format ? format_of(request, route->target) : error_formats_[route->target];
    if (refused.format == nullptr) return refused;
    RequestOptions options;
    read_answer_options(request.head, *refused.format, options);
    refused.dialect = options.dialect;
    refused.hides_retry_after = options.hides_retry_after;
    return refused;
}

void Gate::guard(Access& access, std::uint16_t query_target) {
    CHECK(query_target < format_target_min);
    access_ = &access;
    query_target_ = query_target;
}

// The pages of a query are InfluxDB 1.x's: a request for one may bring its token as that of a write may.
std::optional<Gate::Refused> Gate::refusal_of_access(const http::Request& request, Body body, Passage& passage) const {
    const bool is_query = passage.target == query_target_;
    if (passage.target < format_target_min && !is_query) return std::nullopt;
    const Format* const format = is_query ? nullptr : &formats_[passage.format_index()];
    const auto admitted = access_->admit(request, is_query ? tenants::Scope::query : tenants::Scope::write,
                                         is_query || format->takes_query_token);
    if (!admitted) return denied(request, admitted.error());
    passage.tenant = *admitted;
    if (is_query) return std::nullopt;
    if (const auto excess = access_->excess(*admitted, request.received_ns))
        return denied(request, {Refusal::quota_exceeded, false, excess});
    if (body == Body::whole) access_->charge_request(*admitted, request.body.size(), request.received_ns);
    return std::nullopt;
}

Gate::Refused Gate::denied(const http::Request& request, const Denied& why) const {
    Refused told = refused(request, why.reason);
    told.ends_connection = why.ends_connection;
    told.excess = why.excess;
    return told;
}

// A tenant that may not ask for so much gets the most that it may where it asks for nothing.
const AckOffer& Gate::offer_to(const Passage& passage) const {
    const tenants::Tenant* const tenant = access_->table().tenant(passage.tenant);
    if (tenant == nullptr || !tenant->ack_max) return offer_;
    return capped_offers_[static_cast<std::size_t>(*tenant->ack_max)];
}

std::optional<Refusal> Gate::refusal_of(const http::Request& request, const Passage& passage, Body body) const {
    if (needs_admission(passage, body)) {
        if (const auto refusal = admission_.check(passage.options.ack)) return refusal;
        // A chunked body's size is not known: it is 0 here, and fits. Of a compressed one the text is longer.
        if (body == Body::on_its_way && !batcher_.may_have_room(request.head.content_length))
            return Refusal::overloaded;
    }
    if (body == Body::whole && request.body.empty() && !passage.format->may_be_empty) return Refusal::empty_body;
    return std::nullopt;
}

// A retry with an Idempotency-Key is answered from memory, also while first requests are refused. Whether it is one is
// known for sure only when the body is there (IdempotentRequests).
bool Gate::needs_admission(const Passage& passage, Body body) const {
    if (!passage.options.has_key()) return true;
    if (body == Body::whole) return false;
    const ScopedKey key(passage.tenant, passage.options.idempotency_key());
    return idempotency_ == nullptr || !idempotency_->knows(key.view());
}

}  // namespace sluice

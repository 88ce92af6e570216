#include "controller/apiserver/decisions.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/rest_handler.h"

namespace ballast::apiserver {

using nlohmann::json;

void Decisions::Handle(const RequestInfo& info, const HttpRequest& request,
                       const Respond& respond) const {
  int limit = kDefaultLimit;
  if (const auto given = request.query.find("limit"); given != request.query.end()) {
    const std::string& text = given->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || end != text.data() + text.size() || limit < 1 ||
        limit > kMaxLimit) {
      return respond(ErrorResponse(
          BadRequest("limit must be a number from 1 to " + std::to_string(kMaxLimit))));
    }
  }
  const ObjectRef ref{info.resource, info.ns, info.name};
  if (const auto object = registry_.Get(ref); !object) {
    return respond(ErrorResponse(object.error()));
  }
  const auto rows = history_.Decisions({info.resource->kind, info.ns, info.name},
                                       static_cast<std::size_t>(limit));
  if (!rows) return respond(ErrorResponse(FromStatus(rows.error(), ref.Subject())));
  json items = json::array();
  for (const reconcilers::DecisionRow& row : *rows) {
    items.push_back({{"first", FormatTime(row.first)},
                     {"last", FormatTime(row.last)},
                     {"count", row.count},
                     {"decision", json::parse(row.json, nullptr, false)}});
  }
  respond({.content_type = "application/json",
           .body = DumpJson({{"kind", "DecisionList"}, {"items", std::move(items)}}) + "\n"});
}

}  // namespace ballast::apiserver

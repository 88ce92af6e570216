// Docker's JSON as the port's values. Tolerant: a field that is missing or of another type is left
// at its default, since Docker's answers differ between versions. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "reconcilers/ports/engine.h"

namespace ballast::docker {

// An element of GET /containers/json, an answer of GET /containers/ID/json.
[[nodiscard]] reconcilers::ContainerInfo DecodeListed(const nlohmann::json& json);
[[nodiscard]] reconcilers::ContainerInfo DecodeInspected(const nlohmann::json& json);
[[nodiscard]] reconcilers::ImageInfo DecodeImage(const nlohmann::json& json);
[[nodiscard]] reconcilers::NetworkInfo DecodeNetwork(const nlohmann::json& json);
[[nodiscard]] std::vector<reconcilers::VolumeInfo> DecodeVolumes(const nlohmann::json& json);
// An answer of GET /containers/ID/stats; nothing: the container does not run.
[[nodiscard]] std::optional<reconcilers::StatsSample> DecodeStats(const nlohmann::json& json);

// The events of one line of GET /events: usually one, none if it is of a kind that nobody asked
// for, several if lines ran together; nullopt if it makes no sense.
[[nodiscard]] std::optional<std::vector<reconcilers::EngineEvent>> DecodeEvents(
    std::string_view line);

// The actions that StreamEvents reports, as Docker calls them.
[[nodiscard]] const std::vector<std::string>& ContainerActions();
[[nodiscard]] const std::vector<std::string>& NetworkActions();

// "2026-01-02T03:04:05.123456789Z", with any offset; zero for Docker's year 1 and for anything
// else.
[[nodiscard]] api::Time ParseTime(std::string_view text);

// Which API version to speak, or why we cannot: the answers of GET /version and GET /info.
[[nodiscard]] Result<reconcilers::EngineVersion> Negotiate(const nlohmann::json& json);
[[nodiscard]] Result<reconcilers::EngineVersion> CheckHost(reconcilers::EngineVersion version,
                                                           const nlohmann::json& info);

}  // namespace ballast::docker

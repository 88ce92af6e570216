// JSON -> YAML text, as `-o yaml` and kubeconfig files show it: what a person reads, and what
// ParseYamlAsJson reads back as the same value. Pure; callable from any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ballast::api {

// One document, without "---", with a newline at its end. Texts of several lines become blocks.
[[nodiscard]] std::string WriteYaml(const nlohmann::json& value);

}  // namespace ballast::api

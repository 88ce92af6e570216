// Signals as Docker writes them: "15", "TERM" or "SIGTERM". Pure; any thread.
#pragma once

#include <string_view>

namespace ballast::runtime {

// 0: not a signal.
[[nodiscard]] int SignalNumber(std::string_view text);

// Does `signal`, sent to a container with this stop signal ("" = SIGTERM), mean that it should end?
[[nodiscard]] bool IsEndingSignal(std::string_view signal, std::string_view stop_signal);

}  // namespace ballast::runtime

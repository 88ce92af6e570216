// The part of `ballast describe` that only a WebApp has. Pure; golden-tested with describe_view.
#pragma once

#include "controller/cli/describe_view.h"
#include "controller/cli/description.h"

namespace ballast::cli {

void DescribeWebApp(const DescribeInput& input, Description& out);

}  // namespace ballast::cli

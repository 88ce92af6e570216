#include "controller/cli/cli.h"

namespace ballast::cli {

std::string GeneralHelp() {
  return R"(Ballast keeps web applications upright on plain Docker.

usage: ballast COMMAND [ARGUMENTS]

commands:
  controller   run the controller: keep what the manifests in a directory describe
  status       show web apps, their replicas and load balancers
  version      print the version of this program
  help         print this, or help about a command: ballast help status

exit codes: 0 done, 1 failed, 2 wrong usage
)";
}

std::string StatusHelp() {
  return R"(Shows what the running controller sees: web apps, replicas and their state in HAProxy, load
balancers, and what is wrong.

usage: ballast status [-o table|json] [--socket PATH] [NAME]

  NAME             only this web app (shop or default/shop), with its last events
  -o, --output F   table or json (default: table)
  --socket PATH    the controller's socket (default: /run/ballast/ballast.sock)
  -h, --help       print this

SERVER is the replica's state in HAProxy: UP takes traffic, DRAIN and MAINT are leaving, DOWN failed
HAProxy's own check, - is not there. Colours need a terminal and no NO_COLOR.

exit codes: 0 done, 1 no controller answers or no such web app, 2 wrong usage
)";
}

}  // namespace ballast::cli

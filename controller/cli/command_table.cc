#include "controller/cli/cli.h"
#include "controller/cli/commands.h"

namespace ballast::cli {
namespace {

Flag Socket() {
  return {.name = "--socket",
          .value = "PATH",
          .help = "the controller's socket",
          .initial = kDefaultSocket};
}
Flag Namespace() {
  return {.name = "--namespace",
          .letter = 'n',
          .value = "NAMESPACE",
          .help = "where to look",
          .initial = "default"};
}
Flag AllNamespaces() {
  return {.name = "--all-namespaces", .letter = 'A', .help = "in every namespace"};
}
Flag Files(const char* help) {
  return {.name = "--filename", .letter = 'f', .value = "FILE", .help = help, .repeated = true};
}
Flag Labels() {
  return {.name = "--selector",
          .letter = 'l',
          .value = "SELECTOR",
          .help = "only objects with these labels: tier=front,env in (a,b),!old"};
}
Flag Wait(const char* help, const char* initial) {
  return {.name = "--wait", .help = help, .initial = initial};
}
Flag Timeout(const char* initial) {
  return {.name = "--timeout",
          .value = "DURATION",
          .help = "how long to wait: 90s, 5m, 1h",
          .initial = initial};
}
Flag DryRun() {
  return {.name = "--dry-run", .help = "let the controller check it, and change nothing"};
}
Flag Output(const char* help) {
  return {.name = "--output", .letter = 'o', .value = "FORMAT", .help = help, .initial = "table"};
}

Command Status() {
  return {
      .name = "status",
      .summary = "show at a glance what the controller sees, and what is wrong",
      .usages = {"[NAME]"},
      .details =
          R"(Shows what the running controller sees: web apps, replicas and their state in HAProxy, load
balancers, and what is wrong. NAME (shop or default/shop): only this web app, with its last events.

SERVER is the replica's state in HAProxy: UP takes traffic, DRAIN and MAINT are leaving, DOWN failed
HAProxy's own check, - is not there. Colours need a terminal and no NO_COLOR.
)",
      .flags = {Output("table or json"), Socket()}};
}

Command Apply() {
  return {
      .name = "apply",
      .summary = "create or change what manifests describe",
      .usages = {"-f FILE|DIRECTORY|- [-f ...] [--wait]"},
      .details =
          R"(Every document of every file is checked by the controller before the first one is changed; with an
error in one of them nothing is. Of a directory every *.yaml, *.yml and *.json counts, below it too.
Only what a manifest says is changed (server-side apply): what it no longer says goes, what others
set stays. A field that somebody else owns is a conflict, and named.

--wait waits until every web app and load balancer is as the manifests want it; a rollout that is
stuck ends it, with the reason.
)",
      .flags = {Files("a manifest, a directory of them, or - for standard input"),
                {.name = "--namespace",
                 .letter = 'n',
                 .value = "NAMESPACE",
                 .help = "of manifests that name none",
                 .initial = "default"},
                Wait("wait until it works", "false"),
                Timeout("5m"),
                DryRun(),
                {.name = "--force-conflicts", .help = "take over fields that others own"},
                {.name = "--output",
                 .letter = 'o',
                 .value = "FORMAT",
                 .help = "name, json or yaml instead of what was done"},
                Socket()},
      .examples = R"(  ballast apply -f shop.yaml --wait
  cat shop.yaml | ballast apply -f - --dry-run -o yaml
)"};
}

Command Get() {
  return {
      .name = "get",
      .summary = "show objects",
      .usages = {"TYPE[,TYPE...] [NAME...]", "TYPE/NAME..."},
      .details =
          R"(TYPE is a plural, singular or short name (webapps, webapp, wa), or a group of types (all). A name of
a type that does not exist lists those that do.
)",
      .flags = {Namespace(),
                AllNamespaces(),
                Labels(),
                {.name = "--field-selector",
                 .value = "SELECTOR",
                 .help =
                     "only objects with these fields: metadata.name=shop,status.phase!=Running"},
                Output("table, wide, json, yaml or name"),
                {.name = "--watch", .letter = 'w', .help = "go on with what changes, until Ctrl-C"},
                {.name = "--no-headers", .help = "no titles above the columns"},
                {.name = "--show-labels", .help = "a column of labels"},
                {.name = "--show-managed-fields", .help = "in json and yaml: who owns which field"},
                {.name = "--ignore-not-found", .help = "a name that is not there is no failure"},
                Socket()},
      .examples = R"(  ballast get webapps -A
  ballast get wa/shop -o yaml
  ballast get pods -l ballast.dev/webapp=shop -w
)"};
}

Command Describe() {
  return {
      .name = "describe",
      .summary = "show everything about an object, with its events",
      .usages = {"TYPE/NAME...", "TYPE [NAME...]"},
      .details =
          R"(Of a web app: replicas, conditions with their reasons, routes, rollout, who changed which field, and
what happened last.
)",
      .flags = {Namespace(), AllNamespaces(), Labels(), Socket()},
      .examples = "  ballast describe webapp/shop\n"};
}

Command Delete() {
  return {
      .name = "delete",
      .summary = "delete objects, and wait until they are gone",
      .usages = {"TYPE NAME...", "TYPE/NAME...", "-f FILE|DIRECTORY|-", "TYPE --all | -l SELECTOR"},
      .details =
          R"(A web app that is deleted drains first: its replicas end what they are doing. With --cascade orphan
its containers go on running.
)",
      .flags = {Files("delete what these manifests name"),
                Namespace(),
                Labels(),
                {.name = "--all", .help = "every object of the type in the namespace"},
                {.name = "--cascade",
                 .value = "MODE",
                 .help = "of what belongs to it: background, foreground or orphan",
                 .initial = "background"},
                Wait("wait until it is gone", "true"),
                Timeout("10m"),
                {.name = "--ignore-not-found", .help = "a name that is not there is no failure"},
                DryRun(),
                Socket()},
      .examples = "  ballast delete webapp shop\n  ballast delete -f shop.yaml --wait=false\n"};
}

Command Scale() {
  return {.name = "scale",
          .summary = "set the number of replicas of a web app",
          .usages = {"webapp/NAME... --replicas N"},
          .details = "",
          .flags = {{.name = "--replicas", .value = "N", .help = "how many there shall be"},
                    Namespace(),
                    Wait("wait until there are so many", "false"),
                    Timeout("5m"),
                    Socket()},
          .examples = "  ballast scale webapp/shop --replicas 5 --wait\n"};
}

Command Why() {
  return {
      .name = "why",
      .summary = "explain what an autoscaler decided, and what it left alone",
      .usages = {"NAME", "webapp/NAME", "autoscaler/NAME"},
      .details =
          R"(NAME is a web app that has an autoscaler, or the autoscaler itself. The newest decision first, with what
each metric measured and wanted, what limited the number, and when time alone may change it; below
it the ones before. Decisions that were the same in a row are one line with a count.
)",
      .flags = {{.name = "--limit",
                 .value = "N",
                 .help = "how many decisions, up to 1000",
                 .initial = "10"},
                Namespace(),
                Output("table, json or yaml"),
                Socket()},
      .examples = "  ballast why shop\n  ballast why shop --limit 100 -o json\n"};
}

Command Simulate() {
  return {
      .name = "simulate",
      .summary = "try an autoscaler on a recorded load before it is trusted",
      .usages = {"-f FILE --trace FILE.csv", "-f FILE --from WEBAPP [--since DURATION]"},
      .details =
          R"(Plays a load, second by second, to the Autoscaler of a manifest: replicas have a capacity and a
queue, what is decided is decided by the code that decides live. Beside it Kubernetes' HPA and
Knative's KPA with their own defaults. With --trace no controller is needed.

A trace is a CSV file, `time,requests` (ISO 8601, the start of an interval) or `seconds,requests`.
Up to 10 missing intervals are filled in, more are not known. Between minutes the load is a line.

UNSERVED: requests beyond the capacity of the second in which they came. LATE: waited for more than
a second, or 30 and were turned away. QUEUE: time in the queue. ABOVE IDEAL: compared with the
fewest replicas that could have served each second. FLAPS: scalings that turn one round within
5 minutes.
)",
      .flags = {Files("a manifest with one Autoscaler, or - for standard input"),
                {.name = "--trace", .value = "FILE", .help = "the load, as CSV"},
                {.name = "--from",
                 .value = "WEBAPP",
                 .help = "instead: the load that the controller recorded of a web app"},
                {.name = "--since",
                 .value = "DURATION",
                 .help = "how much of it, up to 7 days",
                 .initial = "24h"},
                {.name = "--policy",
                 .value = "POLICY",
                 .help = "ballast, hpa or kpa; all three when none is given",
                 .repeated = true},
                {.name = "--capacity",
                 .value = "RATE",
                 .help = "requests a second that a replica can take",
                 .initial = "50"},
                {.name = "--startup-seconds",
                 .value = "SECONDS",
                 .help = "until a new replica takes traffic",
                 .initial = "3"},
                {.name = "--service-seconds",
                 .value = "SECONDS",
                 .help = "of a request, without waiting; for Concurrency",
                 .initial = "0.1"},
                {.name = "--drain-seconds",
                 .value = "SECONDS",
                 .help = "that a replica still counts when it leaves",
                 .initial = "0"},
                {.name = "--speed",
                 .value = "FACTOR",
                 .help = "seconds of the load in each simulated second; rates stay",
                 .initial = "1"},
                {.name = "--sweep",
                 .value = "FROM..TO:STEP",
                 .help = "each of these targets instead of the manifest's"},
                {.name = "--svg",
                 .value = "FILE",
                 .help = "a picture: load and capacity over time; of a sweep, the frontier"},
                Namespace(),
                Output("table or json"),
                Socket()},
      .examples = R"(  ballast simulate -f autoscaler.yaml --trace traffic.csv --svg traffic.svg
  ballast simulate -f autoscaler.yaml --trace traffic.csv --sweep 25..55:5 --svg frontier.svg
  ballast simulate -f autoscaler.yaml --from shop --since 24h --policy ballast
)"};
}

Command Events() {
  return {.name = "events",
          .summary = "show what happened",
          .usages = {""},
          .details = "",
          .flags = {Namespace(),
                    AllNamespaces(),
                    {.name = "--for", .value = "TYPE/NAME", .help = "only of this object"},
                    {.name = "--types",
                     .value = "TYPE",
                     .help = "only events of this type: Warning or Normal"},
                    {.name = "--watch", .letter = 'w', .help = "go on with new ones, until Ctrl-C"},
                    Output("table, json or yaml"),
                    Socket()},
          .examples = "  ballast events --for webapp/shop -w\n"};
}

Command Logs() {
  return {
      .name = "logs",
      .summary = "show what containers print",
      .usages = {"POD", "webapp/NAME"},
      .details =
          R"(Of a web app: what all its replicas print, each line with its replica in front of it; with --follow
also of replicas that come later.
)",
      .flags = {{.name = "--follow",
                 .letter = 'f',
                 .help = "go on with what is printed, until Ctrl-C"},
                {.name = "--previous",
                 .letter = 'p',
                 .help = "of the container before this one: the one that died"},
                {.name = "--tail", .value = "N", .help = "only the last N lines of each replica"},
                {.name = "--container",
                 .letter = 'c',
                 .value = "NAME",
                 .help = "a sidecar; the first container otherwise"},
                {.name = "--timestamps", .help = "with the time of each line"},
                Namespace(),
                Socket()},
      .examples =
          "  ballast logs webapp/shop -f --tail 20\n  ballast logs shop-7f3a-2 --previous\n"};
}

Command Backup() {
  return {
      .name = "backup",
      .summary = "write a copy of the controller's database to a file",
      .usages = {"FILE"},
      .details =
          R"(While the controller runs. The file is written beside FILE first, put in its place when complete;
only its owner may read it (0600). Secrets in it are encrypted: without the key file of the
state directory they cannot be read.
)",
      .flags = {Socket()},
      .examples = "  ballast backup /var/backups/ballast.db\n"};
}

Command Kubeconfig() {
  return {
      .name = "kubeconfig",
      .summary = "make a token and print a kubeconfig for kubectl",
      .usages = {""},
      .details =
          R"(The controller must listen on TCP (`ballast controller --listen`). The kubeconfig holds a new token:
whoever has it may do what the role allows. `ballast token` lists and revokes tokens.
)",
      .flags =
          {{.name = "--user", .value = "NAME", .help = "whose it is", .initial = "admin"},
           {.name = "--role", .value = "ROLE", .help = "view, edit or admin", .initial = "admin"},
           {.name = "--namespace",
            .letter = 'n',
            .value = "NAMESPACE",
            .help = "only there; otherwise in every namespace"},
           {.name = "--expires",
            .value = "DURATION",
            .help = "how long the token is good: 8h, 30d",
            .initial = "365d"},
           {.name = "--output",
            .letter = 'o',
            .value = "FILE",
            .help = "write it there (0600), not to standard output"},
           Socket()},
      .examples = R"(  ballast kubeconfig --output ~/.kube/ballast
  ballast kubeconfig --user ci --role edit --namespace shop --expires 30d
)"};
}

Command Token() {
  return {.name = "token",
          .summary = "list or revoke the tokens that kubeconfigs hold",
          .usages = {"list", "revoke ID..."},
          .details = "",
          .flags = {Output("table, json or yaml, of list"), Socket()},
          .examples = ""};
}

Command Top() {
  return {
      .name = "top",
      .summary = "show the load of web apps and replicas",
      .usages = {"[webapps|replicas]"},
      .details =
          R"(The busiest first, drawn again every second on a terminal until Ctrl-C, one table elsewhere.
Requests, answers 5xx and response times are means of the last five seconds, as the load balancers
count them; IN FLIGHT has in it what is QUEUED. CPU and memory are measured while somebody asks:
they come after a few seconds. - is what is not known.
)",
      .flags = {Namespace(),
                AllNamespaces(),
                {.name = "--once", .help = "one table, on a terminal too"},
                Output("table or json"),
                Socket()},
      .examples = "  ballast top -A\n  ballast top replicas --once\n"};
}

Command Version() {
  return {.name = "version",
          .summary = "print the versions of this program and of the controller",
          .usages = {""},
          .details = "",
          .flags = {{.name = "--client", .help = "of this program only; asks no controller"},
                    {.name = "--output",
                     .letter = 'o',
                     .value = "FORMAT",
                     .help = "json or yaml instead of text"},
                    Socket()},
          .examples = ""};
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      Status(), Apply(), Get(), Describe(), Delete(),     Scale(), Why(),    Simulate(),
      Events(), Logs(),  Top(), Backup(),   Kubeconfig(), Token(), Version()};
  return commands;
}

const Command* FindCommand(std::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::vector<std::string> CommandNames() {
  std::vector<std::string> names = {"controller"};
  for (const Command& command : Commands()) names.push_back(command.name);
  names.emplace_back("help");
  return names;
}

}  // namespace ballast::cli

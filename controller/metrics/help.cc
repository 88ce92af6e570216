#include "controller/metrics/help.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ballast::metrics {
namespace {

using Line = std::pair<std::string_view, std::string_view>;

// Sorted by name; a test compares it with the names that the code reports.
constexpr Line kHelp[] = {
    {"ballast_autoscaler_scalings_total",
     "Times that an autoscaler changed the number of replicas, by direction."},
    {"ballast_build_info", "1, labelled with the version of this controller."},
    {"ballast_certificate_expiry_timestamp_seconds",
     "When a certificate that a load balancer serves ends, in seconds since 1970."},
    {"ballast_containers", "Containers that carry Ballast's labels, by what they are."},
    {"ballast_die_to_out_of_rotation_seconds",
     "From a replica's end until HAProxy was told to send it nothing more."},
    {"ballast_docker_connected", "1 while Docker's event stream is open and listed."},
    {"ballast_docker_events_skipped_total", "Docker events that could not be understood."},
    {"ballast_docker_events_total", "Docker events received, by action."},
    {"ballast_docker_requests_total", "Requests to the Docker Engine, by operation and result."},
    {"ballast_docker_resyncs_total", "Complete lists of containers after the event stream opened."},
    {"ballast_events_total", "Events recorded, by type and reason."},
    {"ballast_external_queries_total",
     "Queries of Prometheus servers for autoscalers, by whether they had a value."},
    {"ballast_haproxy_certificates_changed_total",
     "Certificates that HAProxy was given anew without a reload."},
    {"ballast_haproxy_drift_repaired_total", "Differences in HAProxy that nobody asked for."},
    {"ballast_haproxy_refused_commands_total", "Runtime commands that HAProxy refused."},
    {"ballast_haproxy_reloads_refused_total", "Configurations that HAProxy refused."},
    {"ballast_haproxy_reloads_total", "Reloads of HAProxy, by load balancer and result."},
    {"ballast_haproxy_resync_failed_total", "Times that HAProxy's state could not be read back."},
    {"ballast_haproxy_runtime_commands_total", "Runtime commands sent to HAProxy."},
    {"ballast_http_accept_errors_total",
     "Times that no connection could be accepted, mostly for want of file descriptors."},
    {"ballast_http_connections", "Open connections, by listener."},
    {"ballast_http_connections_refused_total",
     "Connections closed, or answered with 503, because there were too many."},
    {"ballast_http_handshakes_failed_total", "Connections that never got through TLS's handshake."},
    {"ballast_http_requests_total", "Requests answered, by path and status code."},
    {"ballast_http_streams", "Streams (watches, logs) that are open, by listener."},
    {"ballast_job_duration_seconds", "How long slow work for Docker took."},
    {"ballast_jobs_total", "Slow work for Docker that ended, by result."},
    {"ballast_jobs_under_way", "Slow work for Docker that is waiting or running."},
    {"ballast_manifest_apply_errors_total",
     "Objects of manifests that could not be applied, by reason."},
    {"ballast_manifest_drift_repaired_total",
     "Objects that somebody changed and a manifest put back."},
    {"ballast_manifest_errors", "Errors in a manifest file whose last good version is in force."},
    {"ballast_manifest_objects", "Objects from manifests that are in force."},
    {"ballast_manifest_objects_held", "Objects in force that no manifest names any more."},
    {"ballast_metrics_dropped_total", "Samples dropped for a bad name or too many time series."},
    {"ballast_probes_total", "Probes of replicas, by kind and result."},
    {"ballast_ready_to_in_service_seconds", "From a replica being ready until it takes traffic."},
    {"ballast_reconcile_duration_seconds", "How long a reconcile took, by kind."},
    {"ballast_reconcile_errors_total", "Reconciles that failed, by kind."},
    {"ballast_reconcile_exceptions_total", "Reconciles that threw an exception, by kind."},
    {"ballast_reconcile_total", "Reconciles, by kind and result."},
    {"ballast_state_write_errors_total", "Failures to write the state directory."},
    {"ballast_webapp_concurrency",
     "Requests to a web app that are in flight or queued, over all load balancers."},
    {"ballast_webapp_error_rate", "Answers 5xx a second of a web app, in the last second."},
    {"ballast_webapp_queued", "Requests to a web app that wait for a replica."},
    {"ballast_webapp_replicas_desired", "Replicas that a web app should have."},
    {"ballast_webapp_replicas_in_service", "Replicas that take traffic in HAProxy."},
    {"ballast_webapp_replicas_ready", "Replicas whose probes pass."},
    {"ballast_webapp_request_rate",
     "Requests a second that came to a web app, in the last second."},
    {"ballast_webapp_response_seconds",
     "Mean time until a web app's answers began, of those of the last second."},
    {"ballast_workqueue_adds_total", "Keys added to the work queue."},
    {"ballast_workqueue_depth", "Keys waiting in the work queue."},
    {"ballast_workqueue_queue_duration_seconds", "How long a key waited in the work queue."},
    {"ballast_workqueue_retries_total", "Keys added to the work queue again after a failure."},
    {"process_cpu_seconds_total", "CPU time used by this process."},
    {"process_open_fds", "File descriptors this process has open."},
    {"process_resident_memory_bytes", "Memory of this process that is in RAM."},
    {"process_start_time_seconds", "When this process started, in seconds since 1970."},
    {"process_threads", "Threads of this process."},
};
static_assert(std::is_sorted(std::begin(kHelp), std::end(kHelp),
                             [](const Line& a, const Line& b) { return a.first < b.first; }));

}  // namespace

std::string HelpOf(std::string_view name) {
  const auto* const found = std::lower_bound(
      std::begin(kHelp), std::end(kHelp), name,
      [](const Line& line, std::string_view wanted) { return line.first < wanted; });
  return std::string(found != std::end(kHelp) && found->first == name ? found->second : name);
}

}  // namespace ballast::metrics

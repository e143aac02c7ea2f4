import { byLabel, histogramOf, histogramsOf, keptBy, type Metric, ofProcess, ofWorker } from './metric.js';

const versions = keptBy((version: string) => ({ version, node: process.versions.node }));

/** Every metric of the admin door, in the order of the text and of docs/metrics.md. */
export const METRICS: readonly Metric[] = [
  {
    name: 'epollet_build_info',
    type: 'gauge',
    help: 'Always 1; the versions are labels',
    labels: ['version', 'node'],
    samples: ({ version }) => [{ sharedLabels: versions(version), value: 1 }],
  },
  ofProcess(['epollet_ready', 'gauge', '1 while /readyz is 200, else 0'], ({ isReady }) => Number(isReady)),
  ofProcess(['epollet_workers', 'gauge', 'Workers that serve'], ({ workers }) => workers.length),

  ofWorker(['epollet_connections', 'gauge', 'Open connections'], ({ connections }) => connections.open),
  ofWorker(
    ['epollet_connections_accepted_total', 'counter', 'Accepted connections'],
    ({ connections }) => connections.accepted,
  ),
  ofWorker(
    ['epollet_accept_pauses_total', 'counter', 'Pauses of accepting at maxConnections or for lack of descriptors'],
    ({ connections }) => connections.acceptPauses,
  ),
  ofWorker(
    ['epollet_accept_queue_length', 'gauge', 'Connections in the accept queue'],
    ({ connections }) => connections.queued,
  ),

  ofWorker(['epollet_requests_total', 'counter', 'Requests that were parsed completely'], ({ requests }) => requests),
  byLabel(
    ['epollet_responses_total', 'counter', 'Responses by the class of their status'],
    'status',
    ({ measurements }) => measurements?.responses ?? {},
  ),
  byLabel(
    ['epollet_error_responses_total', 'counter', 'Responses to malformed, oversized or slow requests, by status'],
    'status',
    ({ errorResponses }) => errorResponses,
  ),
  histogramsOf(
    'epollet_request_duration_seconds',
    'Time from the head of a request until all of its response was made',
    'status',
    ({ measurements }) => measurements?.requestDuration ?? {},
  ),
  byLabel(
    ['epollet_timeouts_total', 'counter', 'Expired timeouts; receive: heads, bodies and idle connections'],
    'kind',
    ({ timeouts, handlerTimeouts, writeTimeouts, halfCloseTimeouts }) => ({
      receive: Math.max(0, timeouts - handlerTimeouts - writeTimeouts - halfCloseTimeouts),
      handler: handlerTimeouts,
      write: writeTimeouts,
      half_close: halfCloseTimeouts,
    }),
  ),
  ofWorker(['epollet_received_bytes_total', 'counter', 'Bytes received from clients'], ({ bytes }) => bytes.in),
  ofWorker(['epollet_sent_bytes_total', 'counter', 'Bytes sent to clients'], ({ bytes }) => bytes.out),
  byLabel(
    ['epollet_rejected_total', 'counter', 'Connections and requests beyond limits; connections without a PROXY header'],
    'kind',
    ({ rejectedConnections, rejectedRequests, invalidProxyHeaders }) => ({
      connection: rejectedConnections,
      request: rejectedRequests,
      proxy_header: invalidProxyHeaders,
    }),
  ),
  ofWorker(
    ['epollet_access_log_dropped_total', 'counter', 'Lines of the access log that were lost'],
    ({ accessLogDropped }) => accessLogDropped,
  ),

  ofWorker(['epollet_websockets', 'gauge', 'Open WebSockets'], ({ webSockets }) => webSockets?.open ?? null),
  ofWorker(
    ['epollet_websockets_opened_total', 'counter', 'WebSockets opened so far'],
    ({ webSockets }) => webSockets?.opened ?? null,
  ),
  byLabel(
    [
      'epollet_websocket_messages_total',
      'counter',
      'Messages of WebSockets: received, sent, and dropped for slow clients',
    ],
    'kind',
    ({ webSockets }) =>
      webSockets === null
        ? {}
        : { in: webSockets.messagesIn, out: webSockets.messagesOut, dropped: webSockets.messagesDropped },
  ),

  ofWorker(['epollet_cache_entries', 'gauge', 'Cached paths'], ({ files }) => files?.entries ?? null),
  ofWorker(
    ['epollet_cache_bytes', 'gauge', 'Memory of the cache; a descriptor counts as 256 KiB'],
    ({ files }) => files?.bytes ?? null,
  ),
  ofWorker(['epollet_cache_hits_total', 'counter', 'Responses from the cache'], ({ files }) => files?.hits ?? null),
  ofWorker(
    ['epollet_cache_misses_total', 'counter', 'Paths resolved since they were not cached or had expired'],
    ({ files }) => files?.misses ?? null,
  ),
  ofWorker(
    ['epollet_cache_evictions_total', 'counter', 'Entries evicted for memory or descriptors'],
    ({ files }) => files?.evictions ?? null,
  ),
  ofWorker(
    ['epollet_cache_rejections_total', 'counter', 'Files not cached since the entries are requested as often'],
    ({ files }) => files?.rejections ?? null,
  ),
  ofWorker(['epollet_watches', 'gauge', 'Directories watched by inotify'], ({ files }) => files?.watches ?? null),
  ofWorker(
    ['epollet_inotify_overflows_total', 'counter', 'Overflows of the queue of inotify, which invalidate the cache'],
    ({ files }) => files?.inotifyOverflows ?? null,
  ),

  ofWorker(['epollet_turns_total', 'counter', 'Turns of the reactor'], ({ reactor }) => reactor.turns),
  ofWorker(['epollet_events_total', 'counter', 'Events that epoll_wait reported'], ({ reactor }) => reactor.events),
  ofWorker(['epollet_stale_events_total', 'counter', 'Events of removed tokens'], ({ reactor }) => reactor.stale),
  ofWorker(
    ['epollet_spurious_events_total', 'counter', 'Events without an interest in them'],
    ({ reactor }) => reactor.spurious,
  ),
  ofWorker(
    ['epollet_busy_seconds_total', 'counter', 'Time in which the thread of the worker did not wait for events'],
    ({ busyMs }) => busyMs / 1000,
  ),
  ofWorker(
    ['epollet_longest_turn_seconds', 'gauge', 'The longest time between two waits since the start'],
    ({ longestTurnMs }) => longestTurnMs / 1000,
  ),
  histogramOf('epollet_turn_events', 'Events of each turn', ({ measurements }) => measurements?.turnEvents),
  histogramOf(
    'epollet_turn_duration_seconds',
    'Length of each turn, without the waiting',
    ({ measurements }) => measurements?.turnDuration,
  ),
  byLabel(
    ['epollet_system_calls_total', 'counter', 'System calls of the server by their names in strace'],
    'call',
    ({ systemCalls }) => systemCalls,
  ),
  byLabel(
    ['epollet_event_loop_delay_seconds', 'gauge', 'Delay of timers in a window of 10 s or more, with a handler'],
    'quantile',
    ({ measurements }) => {
      const delay = measurements?.eventLoopDelay ?? null;
      return delay === null ? {} : { '0.5': delay.p50, '0.99': delay.p99, '1': delay.max };
    },
  ),

  ofProcess(['process_start_time_seconds', 'gauge', 'Start of the process, Unix time'], (own) => own.startSeconds),
  ofProcess(['process_cpu_seconds_total', 'counter', 'CPU time of the process'], (own) => own.cpuSeconds),
  ofProcess(['process_resident_memory_bytes', 'gauge', 'Resident memory of the process'], (own) => own.residentBytes),
];

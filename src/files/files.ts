import { FieldId } from '../http/headers.js';
import type { Limits } from '../http/limits.js';
import type { RequestParser } from '../http/request/parser.js';
import type { HttpResponse } from '../http/response/response.js';
import { AcceptEncodingCache } from '../http/semantics/accept-encoding.js';
import { latin1 } from '../http/text.js';
import type { Kernel } from '../sys/kernel.js';
import { FdReserve, withDescriptorReserve } from './cache/fd-reserve.js';
import { invalidationStats } from './cache/invalidation-stats.js';
import type { MissingFallback } from './pages/fallback.js';
import { CompressionQueue } from './representation/compression-queue.js';
import { EtagHasher } from './representation/etag-hasher.js';
import type { PathResolution } from './resolve/root.js';
import type { ResolvedSiteOptions } from './rules/site-options.js';
import { Site } from './site.js';
import { Inotify } from './watch/inotify.js';
import { Mounts } from './watch/mounts.js';

/** A root and its rules. */
export interface SitePlan {
  readonly root: string;
  readonly options: ResolvedSiteOptions;
}

export interface FilesStats {
  pathResolution: PathResolution;
  /** Paths that are answered from memory, those without a file among them. */
  entries: number;
  bytes: number;
  /** Answers for which the file system was asked for no name. */
  hits: number;
  /** How changes of cached paths are learnt of: told by the kernel, looked for after `revalidateMs`, or some so and some so. */
  invalidation: 'inotify' | 'ttl' | 'mixed';
  /** Cached paths that the kernel tells of. */
  watchedEntries: number;
  /** Cached paths that are looked at after `revalidateMs`. */
  polledEntries: number;
  /** Why these are, and the path of a root, if it is: each reason once, with `; ` between them. Null when there is none. */
  unwatchedReasons: string[];
  watches: number;
  inotifyEvents: number;
  /** How often the kernel had to drop changes, after which everything is looked at anew. */
  inotifyOverflows: number;
  /** How often there were more changes than can be heard of at once, after which everything is looked at anew too. */
  inotifyBacklogs: number;
  /** How often file systems were mounted or unmounted, wherever: everything is looked at anew. */
  mountChanges: number;
  /** How often the path of a root was found to lead to another folder. */
  rootChanges: number;
  /** How often a compressed form was older than its file, and left alone. */
  stalePrecompressed: number;
}

/** All sites of a server: which of them is asked is said by the request's host. Owns them, the watch of their files and the tags of their contents. */
export class Files {
  readonly inotify: Inotify;
  private readonly etags: EtagHasher;
  readonly mounts: Mounts;
  /** The descriptors of all sites' caches, which accept may need too. */
  readonly fdReserve = new FdReserve();
  private readonly main: Site;
  private readonly hosts = new Map<string, Site>();

  /**
   * @param plan for every host that has no site of its own
   * @param hosts names in lower case, without a port
   * @param Kind of the sites: one that remembers more, for who wants to know why
   * @throws a system error with `path` when a root is no folder that can be opened
   */
  constructor(
    kernel: Kernel,
    plan: SitePlan,
    hosts: ReadonlyMap<string, SitePlan>,
    limits: Limits,
    Kind: typeof Site = Site,
  ) {
    this.inotify = new Inotify(kernel, limits.maxWatches);
    this.etags = new EtagHasher(kernel);
    this.mounts = new Mounts(kernel);
    const opened: Site[] = [];
    const context = {
      kernel: withDescriptorReserve(kernel, this.fdReserve),
      inotify: this.inotify,
      limits,
      acceptEncodings: new AcceptEncodingCache(),
      etags: this.etags,
      compression: new CompressionQueue(),
    };
    const open = ({ root, options }: SitePlan): Site => {
      const site = new Kind(context, root, options);
      opened.push(site);
      this.fdReserve.add(site.cache);
      return site;
    };
    try {
      this.main = open(plan);
      for (const [host, its] of hosts) this.hosts.set(host, open(its));
    } catch (error) {
      for (const site of opened) site.close();
      this.etags.close();
      this.inotify.close();
      this.mounts.close();
      throw error;
    }
    const invalidate = (): void => {
      for (const site of opened) site.invalidate();
    };
    this.inotify.onOverflow = invalidate;
    this.mounts.onChange = invalidate;
  }

  get stats(): FilesStats {
    const sites = [this.main, ...this.hosts.values()];
    const sum = (of: (site: Site) => number): number => sites.reduce((total, site) => total + of(site), 0);
    const { fd, watchError, size, events, overflows, backlogs } = this.inotify;
    const { watched, polled, reasons } = invalidationStats(sites.flatMap(({ cache }) => [...cache]));
    for (const { releaseRoot } of sites)
      if (releaseRoot.unwatchedReason !== null) reasons.add(releaseRoot.unwatchedReason);
    if (fd < 0) reasons.add(watchError!);
    return {
      pathResolution: this.main.releaseRoot.current.root.pathResolution,
      entries: sum(({ cache }) => cache.size),
      bytes: sum(({ cache }) => cache.bytes),
      hits: sum(({ hits }) => hits),
      invalidation: polled === 0 && fd >= 0 ? 'inotify' : watched === 0 ? 'ttl' : 'mixed',
      watchedEntries: watched,
      polledEntries: polled,
      unwatchedReasons: [...reasons],
      watches: size,
      inotifyEvents: events,
      inotifyOverflows: overflows,
      inotifyBacklogs: backlogs,
      mountChanges: this.mounts.changes,
      rootChanges: sum(({ releaseRoot }) => releaseRoot.changes),
      stalePrecompressed: sum(({ counters }) => counters.stalePrecompressed),
    };
  }

  /** Of all sites, those fallbacks that cannot be sent at the moment. */
  get missingFallbacks(): MissingFallback[] {
    return [this.main, ...this.hosts.values()].map((site) => site.missingFallback).filter((each) => each !== null);
  }

  /**
   * @param request a GET or HEAD with a path
   * @param nowMs on the reactor's clock
   */
  serve(request: RequestParser, nowMs: number): HttpResponse {
    return this.siteFor(request).serve(request, nowMs);
  }

  /** What answers an OPTIONS that is a preflight; null for any other. */
  preflight(request: RequestParser): HttpResponse | null {
    return this.siteFor(request).preflight(request);
  }

  /** What answers a preflight for a GET or HEAD of what is there; null for any other OPTIONS. */
  preflightOfFile(request: RequestParser, nowMs: number): HttpResponse | null {
    const asked = request.value(FieldId.accessControlRequestMethod);
    if (asked !== 'GET' && asked !== 'HEAD') return null;
    const site = this.siteFor(request);
    const response = site.preflight(request);
    return response !== null && site.has(request, nowMs) ? response : null;
  }

  siteFor(request: RequestParser): Site {
    if (this.hosts.size === 0) return this.main;
    return this.hosts.get(requestHost(request)) ?? this.main;
  }

  /** The host that a site is of; null for the site of all others. */
  hostOf(site: Site): string | null {
    return [...this.hosts].find(([, its]) => its === site)?.[0] ?? null;
  }

  close(): void {
    for (const site of [this.main, ...this.hosts.values()]) site.close();
    this.etags.close();
    this.inotify.close();
    this.mounts.close();
  }
}

/** The host without its port, in lower case: of the target where that has one, RFC 9112 section 3.2.2. */
function requestHost(request: RequestParser): string {
  const { bytes, targetStart, pathStart } = request;
  const authority = pathStart > targetStart ? latin1(bytes, targetStart, pathStart).replace(/^[^/]*\/\//, '') : null;
  const host = (authority ?? request.value(FieldId.host) ?? '').toLowerCase();
  const port = host.lastIndexOf(':');
  const name = port > host.lastIndexOf(']') ? host.slice(0, port) : host;
  return name.endsWith('.') ? name.slice(0, -1) : name; // a name that is rooted is the same name
}

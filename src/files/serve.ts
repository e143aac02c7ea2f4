import { Known } from '../http/headers.js';
import { latin1 } from '../http/latin1.js';
import type { Limits } from '../http/limits.js';
import type { RequestParser } from '../http/request-parser.js';
import type { Response } from '../http/response.js';
import type { Kernel } from '../sys/kernel.js';
import { AcceptEncodingMemo } from './encoding.js';
import { freshnessOf } from './freshness.js';
import type { MissingFallback } from './missing-fallback.js';
import { Mounts } from './mounts.js';
import type { ResolvedSiteOptions } from './options.js';
import { PackingQueue } from './packing-queue.js';
import type { Containment } from './root.js';
import { Site } from './site.js';
import { withSpareDescriptors } from './spare-descriptors.js';
import { TagTable } from './tag-table.js';
import { Watch } from './watch.js';

/** Let go at once when there is none left, so that not every file that is opened and every connection has to search. */
const SPARE_DESCRIPTORS = 32;

/** A root and its rules. */
export interface SitePlan {
  readonly root: string;
  readonly options: ResolvedSiteOptions;
}

export interface FilesStats {
  containment: Containment;
  /** Paths that are answered from memory, those without a file among them. */
  cachedPaths: number;
  cachedBytes: number;
  /** Answers for which the file system was asked for no name. */
  hits: number;
  /** How changes of cached paths are learnt of: told by the kernel, looked for after `freshnessMs`, or some so and some so. */
  freshness: 'inotify' | 'time' | 'both';
  /** Cached paths that the kernel tells of. */
  toldPaths: number;
  /** Cached paths that are looked at after `freshnessMs`. */
  timedPaths: number;
  /** Why these are, and the path of a root, if it is: each reason once, with `; ` between them. Null when there is none. */
  unwatched: string | null;
  watchedFolders: number;
  changes: number;
  /** How often the kernel had to drop changes, after which everything is looked at anew. */
  overflows: number;
  /** How often there were more changes than can be heard of at once, after which everything is looked at anew too. */
  backlogs: number;
  /** How often file systems were mounted or unmounted, wherever: everything is looked at anew. */
  mountChanges: number;
  /** How often the path of a root was found to lead to another folder. */
  rootSwitches: number;
  /** How often a compressed form was older than its file, and left alone. */
  outdatedSidecars: number;
}

/** All sites of a server: which of them is asked is said by the request's host. Owns them, the watch of their files and the tags of their contents. */
export class Files {
  readonly watch: Watch;
  private readonly tags: TagTable;
  readonly mounts: Mounts;
  /** Lets go of descriptors that only wait to be sent from, for who has none left. False when there are none. */
  readonly letGoDescriptors: () => boolean;
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
    this.watch = new Watch(kernel, limits.maxWatchedFolders);
    this.tags = new TagTable(kernel);
    this.mounts = new Mounts(kernel);
    const opened: Site[] = [];
    this.letGoDescriptors = () => opened.some(({ cache }) => cache.letGoDescriptors(SPARE_DESCRIPTORS));
    const context = {
      kernel: withSpareDescriptors(kernel, this.letGoDescriptors),
      watch: this.watch,
      limits,
      memo: new AcceptEncodingMemo(),
      tags: this.tags,
      packing: new PackingQueue(),
    };
    const open = ({ root, options }: SitePlan): Site => {
      const site = new Kind(context, root, options);
      opened.push(site);
      return site;
    };
    try {
      this.main = open(plan);
      for (const [host, its] of hosts) this.hosts.set(host, open(its));
    } catch (error) {
      for (const site of opened) site.close();
      this.tags.close();
      this.watch.close();
      this.mounts.close();
      throw error;
    }
    const outdate = (): void => {
      for (const site of opened) site.outdate();
    };
    this.watch.onOverflow = outdate;
    this.mounts.onChange = outdate;
  }

  get stats(): FilesStats {
    const sites = [this.main, ...this.hosts.values()];
    const sum = (of: (site: Site) => number): number => sites.reduce((total, site) => total + of(site), 0);
    const { fd, refusal, size, events, overflows, backlogs } = this.watch;
    const { told, timed, reasons } = freshnessOf(sites.flatMap(({ cache }) => [...cache]));
    for (const { deployment } of sites) if (deployment.untold !== null) reasons.add(deployment.untold);
    if (fd < 0) reasons.add(refusal!);
    return {
      containment: this.main.deployment.current.root.containment,
      cachedPaths: sum(({ cache }) => cache.size),
      cachedBytes: sum(({ cache }) => cache.bytes),
      hits: sum(({ hits }) => hits),
      freshness: timed === 0 && fd >= 0 ? 'inotify' : told === 0 ? 'time' : 'both',
      toldPaths: told,
      timedPaths: timed,
      unwatched: reasons.size === 0 ? null : [...reasons].join('; '),
      watchedFolders: size,
      changes: events,
      overflows,
      backlogs,
      mountChanges: this.mounts.changes,
      rootSwitches: sum(({ deployment }) => deployment.switches),
      outdatedSidecars: sum(({ counters }) => counters.outdatedSidecars),
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
  serve(request: RequestParser, nowMs: number): Response {
    return this.siteOf(request).serve(request, nowMs);
  }

  /** What answers an OPTIONS that is a preflight; null for any other. */
  preflight(request: RequestParser): Response | null {
    return this.siteOf(request).preflight(request);
  }

  /** What answers a preflight for a GET or HEAD of what is there; null for any other OPTIONS. */
  preflightOfFile(request: RequestParser, nowMs: number): Response | null {
    const asked = request.value(Known.accessControlRequestMethod);
    if (asked !== 'GET' && asked !== 'HEAD') return null;
    const site = this.siteOf(request);
    const response = site.preflight(request);
    return response !== null && site.has(request, nowMs) ? response : null;
  }

  siteOf(request: RequestParser): Site {
    if (this.hosts.size === 0) return this.main;
    return this.hosts.get(hostOf(request)) ?? this.main;
  }

  /** The host that a site is of; null for the site of all others. */
  hostOf(site: Site): string | null {
    return [...this.hosts].find(([, its]) => its === site)?.[0] ?? null;
  }

  close(): void {
    for (const site of [this.main, ...this.hosts.values()]) site.close();
    this.tags.close();
    this.watch.close();
    this.mounts.close();
  }
}

/** The host without its port, in lower case: of the target where that has one, RFC 9112 section 3.2.2. */
function hostOf(request: RequestParser): string {
  const { bytes, targetStart, pathStart } = request;
  const authority = pathStart > targetStart ? latin1(bytes, targetStart, pathStart).replace(/^[^/]*\/\//, '') : null;
  const host = (authority ?? request.value(Known.host) ?? '').toLowerCase();
  const port = host.lastIndexOf(':');
  const name = port > host.lastIndexOf(']') ? host.slice(0, port) : host;
  return name.endsWith('.') ? name.slice(0, -1) : name; // a name that is rooted is the same name
}

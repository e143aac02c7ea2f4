import type { RequestParser } from '../../http/request/parser.js';
import type { HttpResponse } from '../../http/response/response.js';
import { debug, tracing } from '../../sys/debug.js';
import type { Kernel } from '../../sys/kernel.js';
import { fileUnchanged, type OpenFile } from '../resolve/open-file.js';
import type { Dependencies } from '../watch/dependencies.js';
import type { Dependent } from '../watch/watched-directory.js';

export interface CacheContent {
  /** To a GET or HEAD. A response that is the last to use a descriptor has it as `ownedFile`. */
  respond(request: RequestParser): HttpResponse;
  /** The memory that it holds, plus DESCRIPTOR_BYTES for each descriptor. */
  readonly bytes: number;
  readonly openFiles?: readonly OpenFile[];
  /** Releases the descriptors. */
  close(): void;
}

/** Objects, usual heads and bookkeeping of an entry, without the body: measured at about this. */
export const ENTRY_OVERHEAD_BYTES = 1536;
/** What an open descriptor counts in the cache's budget, so that it bounds their number: 256 by default. */
export const DESCRIPTOR_BYTES = 262_144;

/** As far as the counts of paths without an entry go. */
export const MOST_USES = 15;

/** For `CacheEntry.relevantFields`: the content has to see each request. */
export const ALL_FIELDS = -1;

/** Whether an entry may respond: at once, if an fstat(2) of its descriptors finds them unchanged, or not without resolving the path again. */
export type Freshness = 'fresh' | 'needs fstat' | 'expired';

/** The responses to one request path, until a dependency changes or they expire. */
export class CacheEntry implements Dependent {
  /** A hit since the last search for an entry to evict. */
  recentlyUsed = true;
  /** Hits, up to MOST_USES, of which half are forgotten when the counts of other paths are halved. */
  uses = 1;
  /** How often the counts of other paths had been halved when `uses` was. */
  agings = 0;
  /** Its neighbours in the order of the search for an entry to evict. */
  older: CacheEntry | null = null;
  newer: CacheEntry | null = null;
  /** All entries with this content, the first of which is charged with it; null while this is the only one. */
  sharers: Set<CacheEntry> | null = null;
  /** Where it is in its cache. */
  place = 0;
  /** Bytes charged to the budget of the cache that it is in. */
  countedBytes = 0;
  /** Bytes charged to the budget of bare entries; 0 for another. */
  bareBytes = 0;
  /** On the reactor's clock. */
  private freshUntilMs = 0;
  /** Its whole seconds: a small integer is stored in the object itself, a number with a fraction outside of it. */
  private freshUntilSecond = 0;
  /** Until then an fstat(2) suffices, and is required: writes to unwatched files are not reported. */
  private fstatUntilMs = 0;

  constructor(
    /** The path of the request, byte for byte, before percent-decoding, as latin1. */
    readonly path: string,
    readonly hash: number,
    public content: CacheContent,
    /** The response to a request that has none of `relevantFields`; null if it is made for each request. */
    public plainResponse: HttpResponse | null,
    /** The fields that the response depends on, a bit each, as in `RequestParser.presentMask`. */
    readonly relevantFields: number,
    /** Of the resolved path: while it stays the same, so does the content. */
    readonly fingerprint: string,
    public dependencies: Dependencies,
    private readonly remove: (entry: CacheEntry) => void,
    /** Of the file below the root, if the content is one's. */
    readonly fileName: string | null = null,
  ) {}

  freshness(nowMs: number): Freshness {
    if (((nowMs / 1000) | 0) < this.freshUntilSecond || nowMs < this.freshUntilMs) return 'fresh';
    return nowMs < this.fstatUntilMs ? 'needs fstat' : 'expired';
  }

  /** @param agings how often the counts of other paths have been halved by now */
  ageUses(agings: number): void {
    if (this.agings === agings) return;
    this.agings = agings;
    this.uses >>= 1;
  }

  setExpiry(expiresAtMs: number): void {
    const needsFstat = !this.dependencies.areWatched && this.openFiles.length > 0;
    this.fstatUntilMs = needsFstat ? expiresAtMs : 0;
    this.freshUntilMs = needsFstat ? 0 : expiresAtMs;
    this.freshUntilSecond = Math.floor(this.freshUntilMs / 1000);
  }

  /** Whether the open files are still those that the responses describe. */
  filesUnchanged(kernel: Kernel): boolean {
    return this.openFiles.every((file) => fileUnchanged(kernel, file));
  }

  get openFiles(): readonly OpenFile[] {
    return this.content.openFiles ?? [];
  }

  get bytes(): number {
    return this.ownBytes + (this.isCharged ? this.content.bytes : 0);
  }

  /** Without the content. Twice the path: the names in the dependencies are parts of another copy, which they keep alive. */
  get ownBytes(): number {
    return ENTRY_OVERHEAD_BYTES + 2 * this.path.length + this.dependencies.bytes;
  }

  /** Whether there is nothing else: a missing name, a redirect, or a further spelling of a file's path. */
  get isBare(): boolean {
    return this.sharers !== null || (this.fileName === null && this.content.bytes === 0);
  }

  onInvalidated(): void {
    if (tracing) debug('invalidate %s', this.path);
    this.remove(this);
  }

  /** The path was resolved to the same fingerprint again. */
  revalidate(dependencies: Dependencies, expiresAtMs: number): void {
    this.dependencies.unsubscribe(this);
    this.dependencies = dependencies;
    dependencies.subscribe(this);
    this.setExpiry(expiresAtMs);
  }

  /** By another that responds in the same way, for all entries that have it. */
  replaceContent(content: CacheContent): void {
    for (const each of this.sharers ?? [this]) each.content = content;
  }

  shareContentOf(other: CacheEntry): void {
    other.sharers ??= new Set([other]);
    this.sharers = other.sharers.add(this);
  }

  /** Closes the content if no other entry has it. Returns the entry that is charged with it from now on, if that is another. */
  leaveContent(): CacheEntry | null {
    this.dependencies.unsubscribe(this);
    const { sharers } = this;
    sharers?.delete(this);
    if (sharers !== null && sharers.size > 0) return first(sharers);
    this.content.close();
    return null;
  }

  private get isCharged(): boolean {
    return this.sharers === null || first(this.sharers) === this;
  }
}

function first(entries: ReadonlySet<CacheEntry>): CacheEntry | null {
  for (const entry of entries) return entry;
  return null;
}

/** The prepared response if the request allows it; otherwise one made by the content. */
export function respondFromCache(entry: CacheEntry, request: RequestParser): HttpResponse {
  if (entry.plainResponse !== null && (request.presentMask & entry.relevantFields) === 0) return entry.plainResponse;
  return entry.content.respond(request);
}

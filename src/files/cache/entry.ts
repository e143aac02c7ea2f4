import type { RequestParser } from '../../http/request/parser.js';
import type { HttpResponse } from '../../http/response/response.js';
import type { Kernel } from '../../sys/kernel.js';
import { fileUnchanged, type OpenFile } from '../resolve/open-file.js';
import type { Dependencies } from '../watch/dependencies.js';
import type { Dependent } from '../watch/watched-directory.js';

/** What answers for a path. */
export interface CacheContent {
  /** For a GET or HEAD. A response that uses a descriptor for the last time has it as `lastUse`. */
  respond(request: RequestParser): HttpResponse;
  /** What the memory that it holds comes to, and for descriptors what they are worth. */
  readonly bytes: number;
  /** The files that it sends from their descriptors, if there are such. */
  readonly openFiles?: readonly OpenFile[];
  /** Lets descriptors go. */
  close(): void;
}

/** Objects, heads and bookkeeping of an entry, beside the body: measured at about this. */
export const ENTRY_OVERHEAD_BYTES = 2048;
/** What an open descriptor counts in the cache's budget, so that it bounds their number: 256 by default. */
export const DESCRIPTOR_BYTES = 262_144;

/** Of `Resource.asks`, for what has a look at each request. */
export const ALL_FIELDS = -1;

/** What is known of a path of the request, until something that it depends on changes. */
export class CacheEntry implements Dependent {
  /** Asked for since the last search for something to evict. */
  recentlyUsed = true;
  /** What the cache counts it for, while it is there. */
  countedBytes = 0;
  /** When the file system is to be asked again, on the reactor's clock. */
  private expiresAtMs = 0;
  /** The whole seconds of it: a small integer stands in the object itself, a number with a fraction somewhere else. */
  private expiresAtSecond = 0;
  /** Until then it is enough to ask the descriptors that it sends from, and needed: nobody tells that these files are written. */
  private fstatUntilMs = 0;

  constructor(
    /** The path of the request, to the letter, before percent-decoding, a character a byte. */
    readonly path: string,
    readonly hash: number,
    readonly content: CacheContent,
    /** The answer to a request that sends none of the fields in `asks`; null when it is made anew each time. */
    public plainResponse: HttpResponse | null,
    /** The fields that can make a difference, a bit each, as in `RequestParser.presentMask`. */
    readonly relevantFields: number,
    /** What the file system said; as long as it says the same, the content holds. */
    readonly signature: string,
    public dependencies: Dependencies,
    private readonly evict: (resource: CacheEntry) => void,
  ) {}

  isFresh(nowMs: number): boolean {
    return ((nowMs / 1000) | 0) < this.expiresAtSecond || nowMs < this.expiresAtMs;
  }

  /** No name need be looked up before then. */
  setExpiry(dueMs: number): void {
    const isRead = !this.dependencies.areWatched && this.openFiles.length > 0;
    this.fstatUntilMs = isRead ? dueMs : 0;
    this.expiresAtMs = isRead ? 0 : dueMs;
    this.expiresAtSecond = Math.floor(this.expiresAtMs / 1000);
  }

  needsFstatOnly(nowMs: number): boolean {
    return nowMs < this.fstatUntilMs;
  }

  /** What it sends from descriptors is what its fields say it is. */
  filesUnchanged(kernel: Kernel): boolean {
    return this.openFiles.every((file) => fileUnchanged(kernel, file));
  }

  get openFiles(): readonly OpenFile[] {
    return this.content.openFiles ?? [];
  }

  get bytes(): number {
    return this.path.length + ENTRY_OVERHEAD_BYTES + this.content.bytes;
  }

  onInvalidated(): void {
    this.evict(this);
  }

  /** The file system has said the same again. */
  revalidate(dependencies: Dependencies, dueMs: number): void {
    this.dependencies.unsubscribe(this);
    this.dependencies = dependencies;
    dependencies.subscribe(this);
    this.setExpiry(dueMs);
  }

  close(): void {
    this.dependencies.unsubscribe(this);
    this.content.close();
  }
}

/** The answer, whichever way is the shortest. */
export function respondFromCache(resource: CacheEntry, request: RequestParser): HttpResponse {
  if (resource.plainResponse !== null && (request.presentMask & resource.relevantFields) === 0)
    return resource.plainResponse;
  return resource.content.respond(request);
}

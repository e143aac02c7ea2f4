import type { RequestParser } from '../http/request-parser.js';
import type { Response } from '../http/response.js';
import type { Kernel } from '../sys/kernel.js';
import { isUnchanged, type OpenFile } from './file.js';
import type { Dependencies, Dependent } from './tree.js';

/** What answers for a path. */
export interface Content {
  /** For a GET or HEAD. A response that uses a descriptor for the last time has it as `lastUse`. */
  answer(request: RequestParser): Response;
  /** What the memory that it holds comes to, and for descriptors what they are worth. */
  readonly bytes: number;
  /** The files that it sends from their descriptors, if there are such. */
  readonly opened?: readonly OpenFile[];
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
export class Resource implements Dependent {
  /** Asked for since the last search for something to evict. */
  used = true;
  /** What the cache counts it for, while it is there. */
  countedBytes = 0;
  /** When the file system is to be asked again, on the reactor's clock. */
  private dueMs = 0;
  /** The whole seconds of it: a small integer stands in the object itself, a number with a fraction somewhere else. */
  private dueSecond = 0;
  /** Until then it is enough to ask the descriptors that it sends from, and needed: nobody tells that these files are written. */
  private heldUntilMs = 0;

  constructor(
    /** The path of the request, to the letter, before percent-decoding, a character a byte. */
    readonly path: string,
    readonly hash: number,
    readonly content: Content,
    /** The answer to a request that sends none of the fields in `asks`; null when it is made anew each time. */
    public plain: Response | null,
    /** The fields that can make a difference, a bit each, as in `RequestFields.sent`. */
    readonly asks: number,
    /** What the file system said; as long as it says the same, the content holds. */
    readonly signature: string,
    public dependencies: Dependencies,
    private readonly forget: (resource: Resource) => void,
  ) {}

  isFresh(nowMs: number): boolean {
    return ((nowMs / 1000) | 0) < this.dueSecond || nowMs < this.dueMs;
  }

  /** No name need be looked up before then. */
  trust(dueMs: number): void {
    const isRead = !this.dependencies.areTold && this.opened.length > 0;
    this.heldUntilMs = isRead ? dueMs : 0;
    this.dueMs = isRead ? 0 : dueMs;
    this.dueSecond = Math.floor(this.dueMs / 1000);
  }

  isHeld(nowMs: number): boolean {
    return nowMs < this.heldUntilMs;
  }

  /** What it sends from descriptors is what its fields say it is. */
  isUnchanged(kernel: Kernel): boolean {
    return this.opened.every((file) => isUnchanged(kernel, file));
  }

  get opened(): readonly OpenFile[] {
    return this.content.opened ?? [];
  }

  get bytes(): number {
    return this.path.length + ENTRY_OVERHEAD_BYTES + this.content.bytes;
  }

  outdated(): void {
    this.forget(this);
  }

  /** The file system has said the same again. */
  renew(dependencies: Dependencies, dueMs: number): void {
    this.dependencies.detach(this);
    this.dependencies = dependencies;
    dependencies.attach(this);
    this.trust(dueMs);
  }

  close(): void {
    this.dependencies.detach(this);
    this.content.close();
  }
}

/** The answer, whichever way is the shortest. */
export function answerOf(resource: Resource, request: RequestParser): Response {
  if (resource.plain !== null && (request.sent & resource.asks) === 0) return resource.plain;
  return resource.content.answer(request);
}

import { Known } from '../http/headers.js';
import { latin1 } from '../http/latin1.js';
import type { RequestParser } from '../http/request-parser.js';
import { type Field, Response } from '../http/response.js';
import { constants } from '../sys/binding.js';
import { readEntries } from '../sys/directory.js';
import { type Kernel, STAT_WORDS, Stat } from '../sys/kernel.js';
import { prefersJson } from './accept.js';
import { isListed, LISTING_CSP, type ListingEntry, renderHtml, renderJson, sortOf } from './listing.js';
import { type Content, ENTRY_OVERHEAD_BYTES } from './resource.js';
import { varying } from './variant.js';

const { O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } = constants;

/** Each takes three system calls, and requests wait meanwhile: some 10 ms for as many. */
const MAX_ENTRIES = 5000;
/** An entry in memory: its name, and what stands beside it. */
const ENTRY_BYTES = 200;

/**
 * Reads a folder, as far as MAX_ENTRIES; null when that fails. Links are listed as what they lead to, by `follow`.
 * @param fd of the folder, open for reading; the caller's
 */
export function readListing(kernel: Kernel, fd: number, follow: (name: Buffer) => number): ListingEntry[] | null {
  const names: Buffer[] = [];
  const keep = (name: Buffer): void => {
    if (isListed(name)) names.push(Buffer.from(name));
  };
  if (readEntries(kernel, fd, keep, () => names.length > MAX_ENTRIES) < 0) return null;
  const entries: ListingEntry[] = [];
  for (const name of names.slice(0, MAX_ENTRIES + 1)) {
    const entry = entryOf(kernel, fd, name, follow);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

function entryOf(kernel: Kernel, folder: number, name: Buffer, follow: (name: Buffer) => number): ListingEntry | null {
  let kind = describe(kernel, kernel.openat(folder, name, O_PATH | O_NOFOLLOW));
  if (kind === S_IFLNK) kind = describe(kernel, follow(name));
  if (kind !== S_IFDIR && kind !== S_IFREG) return null; // what the server does not serve, it does not list
  const modifiedMs = stat[Stat.mtimeSeconds]! * 1000 + Math.floor(stat[Stat.mtimeNanoseconds]! / 1e6);
  return { name, folder: kind === S_IFDIR, size: stat[Stat.size]!, modifiedMs };
}

const stat = new Float64Array(STAT_WORDS);

/** What a descriptor is of, which is closed then; 0 for none. */
function describe(kernel: Kernel, fd: number): number {
  if (fd < 0) return 0;
  const result = kernel.fstat(fd, stat);
  kernel.close(fd);
  return result < 0 ? 0 : stat[Stat.mode]! & S_IFMT;
}

/** A folder's listing, as a page or as JSON, in the order that is asked for. */
export class ListingContent implements Content {
  readonly bytes: number;
  private readonly fields: readonly Field[];
  private readonly truncatedAt: number | null;
  private readonly entries: readonly ListingEntry[];

  constructor(
    entries: readonly ListingEntry[],
    private readonly path: string,
    fields: readonly Field[],
  ) {
    this.truncatedAt = entries.length > MAX_ENTRIES ? MAX_ENTRIES : null;
    this.entries = entries.slice(0, MAX_ENTRIES);
    const others = fields.filter(([name]) => name.toLowerCase() !== 'cache-control');
    this.fields = [...varying(others, 'Accept'), ['Cache-Control', 'no-cache']];
    this.bytes = ENTRY_OVERHEAD_BYTES + entries.length * ENTRY_BYTES;
  }

  answer(request: RequestParser): Response {
    const query = latin1(request.bytes, request.pathEnd, request.targetEnd);
    const options = { ...sortOf(query), path: this.path, truncatedAt: this.truncatedAt };
    const json = prefersJson(request.list(Known.accept));
    const bytes = (json ? renderJson : renderHtml)(this.entries, options);
    const type: Field[] = json
      ? [['Content-Type', 'application/json']]
      : [
          ['Content-Type', 'text/html; charset=utf-8'],
          ['Content-Security-Policy', LISTING_CSP],
        ];
    const response = new Response(200, [...type, ...this.fields], { kind: 'bytes', bytes });
    response.transient = true;
    return response;
  }

  close(): void {}
}

import { createHash, type Hash } from 'node:crypto';
import type { FileBody } from '../http/response.js';
import type { Kernel } from '../sys/kernel.js';
import { tagOfHash } from './content-tag.js';
import { versionOf } from './file.js';

/** Read and hashed between two rounds of requests: about a millisecond. */
const SLICE_BYTES = 1_048_576;
/** Files whose tags are remembered: 13 MB for all of them, at 200 bytes each. */
const KNOWN_FILES = 65_536;
/** Files that are read by turns. Each holds a descriptor: as many as a site's cache does by default. */
const READ_FILES = 256;

/** Who would like to hear of a tag that is being made. */
export interface TagAsker {
  /** Nobody waits for it any longer. */
  readonly isClosed: boolean;
  tagged(etag: string): void;
}

/** A file that is being read, and shares its descriptor meanwhile. */
interface Reading {
  readonly body: FileBody;
  readonly hash: Hash;
  askers: TagAsker[];
  doneBytes: number;
}

/**
 * The tags of large files by their content, which is read for that once after each change, whoever asks and however
 * often the cache has let the file go meanwhile.
 */
export class TagTable {
  /** By version, the one that was not asked for longest first. */
  private readonly tags = new Map<string, string>();
  /** By version, the one whose turn is next first. */
  private readonly readings = new Map<string, Reading>();
  /** There while something is read. */
  private slice: Buffer | null = null;

  constructor(
    private readonly kernel: Kernel,
    private readonly knownFiles = KNOWN_FILES,
    private readonly readFiles = READ_FILES,
  ) {}

  /** So many are being read that no more should be for now. */
  get isFull(): boolean {
    return this.readings.size >= this.readFiles;
  }

  /** The tag of a whole file; empty while it is not known. */
  find(fd: number, size: number): string {
    const version = versionOf(this.kernel, fd, size);
    const etag = version === null ? undefined : this.tags.get(version);
    if (etag === undefined) return '';
    this.remember(version!, etag);
    return etag;
  }

  /**
   * Has a whole file read, a slice at a time. Its tag is told when it is known; never when it cannot be read, or changes
   * meanwhile.
   * @param asker null for who has to go on without
   */
  read(body: FileBody, asker: TagAsker | null): void {
    const version = versionOf(this.kernel, body.file.fd, body.length);
    if (version === null) return;
    let reading = this.readings.get(version);
    if (reading === undefined) {
      body.file.retain();
      reading = { body, hash: createHash('sha256'), askers: [], doneBytes: 0 };
      this.readings.set(version, reading);
    }
    // A file that the cache lets go of and takes in again has one who asks for each time.
    reading.askers = reading.askers.filter(({ isClosed }) => !isClosed);
    if (asker !== null) reading.askers.push(asker);
    if (this.slice !== null) return;
    this.slice = Buffer.allocUnsafeSlow(SLICE_BYTES);
    setImmediate(this.step);
  }

  /** Lets all descriptors go. */
  close(): void {
    for (const { body } of this.readings.values()) body.file.release(this.kernel);
    this.readings.clear();
    this.tags.clear();
  }

  /** Reads on in the file whose turn it is. By turns, so that a long one does not hold up the others. */
  private readonly step = (): void => {
    const [next] = this.readings;
    if (next !== undefined) this.readOn(...next, this.slice!);
    if (this.readings.size > 0) setImmediate(this.step);
    else this.slice = null;
  };

  private readOn(version: string, reading: Reading, slice: Buffer): void {
    const { body, hash } = reading;
    this.readings.delete(version);
    const wanted = Math.min(SLICE_BYTES, body.length - reading.doneBytes);
    const got = this.kernel.pread(body.file.fd, slice, 0, wanted, reading.doneBytes);
    // Replaced, deleted or written to, it is another version: nobody will ask for the tag of this one.
    const isSame = versionOf(this.kernel, body.file.fd, body.length) === version;
    if (isSame && got > 0) {
      hash.update(slice.subarray(0, got));
      reading.doneBytes += got;
      if (reading.doneBytes < body.length) {
        this.readings.set(version, reading);
        return;
      }
    }
    body.file.release(this.kernel);
    if (!isSame || reading.doneBytes < body.length) return;
    const etag = tagOfHash(hash);
    this.remember(version, etag);
    for (const asker of reading.askers) if (!asker.isClosed) asker.tagged(etag);
  }

  private remember(version: string, etag: string): void {
    this.tags.delete(version);
    this.tags.set(version, etag);
    if (this.tags.size <= this.knownFiles) return;
    const [oldest] = this.tags.keys();
    this.tags.delete(oldest!);
  }
}

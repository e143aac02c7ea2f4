import { createHash, type Hash } from 'node:crypto';
import type { FileBody } from '../../http/response/response.js';
import type { Kernel } from '../../sys/kernel.js';
import { exactFingerprint } from '../resolve/fingerprint.js';
import { etagForHash } from './etag.js';

/** Read and hashed between two rounds of requests: about a millisecond. */
const SLICE_BYTES = 1_048_576;
/** Files whose tags are remembered: 13 MB for all of them, at 200 bytes each. */
const KNOWN_FILES = 65_536;
/** Files that are read by turns. Each holds a descriptor: as many as a site's cache does by default. */
const READ_FILES = 256;

/** Who would like to hear of a tag that is being made. */
export interface EtagListener {
  /** Nobody waits for it any longer. */
  readonly isClosed: boolean;
  onEtag(etag: string): void;
}

/** A file that is being read, and shares its descriptor meanwhile. */
interface HashJob {
  readonly body: FileBody;
  readonly hash: Hash;
  listeners: EtagListener[];
  doneBytes: number;
}

/**
 * The tags of large files by their content, which is read for that once after each change, whoever asks and however
 * often the cache has let the file go meanwhile.
 */
export class EtagHasher {
  /** By version, the one that was not asked for longest first. */
  private readonly etags = new Map<string, string>();
  /** By version, the one whose turn is next first. */
  private readonly jobs = new Map<string, HashJob>();
  /** There while something is read. */
  private slice: Buffer | null = null;

  constructor(
    private readonly kernel: Kernel,
    private readonly knownFiles = KNOWN_FILES,
    private readonly readFiles = READ_FILES,
  ) {}

  /** So many are being read that no more should be for now. */
  get isFull(): boolean {
    return this.jobs.size >= this.readFiles;
  }

  /** The tag of a whole file; empty while it is not known. */
  find(fd: number, size: number): string {
    const version = exactFingerprint(this.kernel, fd, size);
    const etag = version === null ? undefined : this.etags.get(version);
    if (etag === undefined) return '';
    this.remember(version!, etag);
    return etag;
  }

  /**
   * Has a whole file read, a slice at a time. Its tag is told when it is known; never when it cannot be read, or changes
   * meanwhile.
   * @param asker null for who has to go on without
   */
  read(body: FileBody, asker: EtagListener | null): void {
    const version = exactFingerprint(this.kernel, body.file.fd, body.length);
    if (version === null) return;
    let reading = this.jobs.get(version);
    if (reading === undefined) {
      body.file.retain();
      reading = { body, hash: createHash('sha256'), listeners: [], doneBytes: 0 };
      this.jobs.set(version, reading);
    }
    // A file that the cache lets go of and takes in again has one who asks for each time.
    reading.listeners = reading.listeners.filter(({ isClosed }) => !isClosed);
    if (asker !== null) reading.listeners.push(asker);
    if (this.slice !== null) return;
    this.slice = Buffer.allocUnsafeSlow(SLICE_BYTES);
    setImmediate(this.step);
  }

  /** Lets all descriptors go. */
  close(): void {
    for (const { body } of this.jobs.values()) body.file.release(this.kernel);
    this.jobs.clear();
    this.etags.clear();
  }

  /** Reads on in the file whose turn it is. By turns, so that a long one does not hold up the others. */
  private readonly step = (): void => {
    const [next] = this.jobs;
    if (next !== undefined) this.readOn(...next, this.slice!);
    if (this.jobs.size > 0) setImmediate(this.step);
    else this.slice = null;
  };

  private readOn(version: string, reading: HashJob, slice: Buffer): void {
    const { body, hash } = reading;
    this.jobs.delete(version);
    const wanted = Math.min(SLICE_BYTES, body.length - reading.doneBytes);
    const got = this.kernel.pread(body.file.fd, slice, 0, wanted, reading.doneBytes);
    // Replaced, deleted or written to, it is another version: nobody will ask for the tag of this one.
    const isSame = exactFingerprint(this.kernel, body.file.fd, body.length) === version;
    if (isSame && got > 0) {
      hash.update(slice.subarray(0, got));
      reading.doneBytes += got;
      if (reading.doneBytes < body.length) {
        this.jobs.set(version, reading);
        return;
      }
    }
    body.file.release(this.kernel);
    if (!isSame || reading.doneBytes < body.length) return;
    const etag = etagForHash(hash);
    this.remember(version, etag);
    for (const asker of reading.listeners) if (!asker.isClosed) asker.onEtag(etag);
  }

  private remember(version: string, etag: string): void {
    this.etags.delete(version);
    this.etags.set(version, etag);
    if (this.etags.size <= this.knownFiles) return;
    const [oldest] = this.etags.keys();
    this.etags.delete(oldest!);
  }
}

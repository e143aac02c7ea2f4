import { createHash, type Hash } from 'node:crypto';
import type { FileBody } from '../../http/response/response.js';
import type { Kernel } from '../../sys/kernel.js';
import { exactFingerprint } from '../resolve/fingerprint.js';
import { etagForHash } from './etag.js';

/** Read and hashed between two turns: about a millisecond. */
const SLICE_BYTES = 1_048_576;
/** Entity tags that are remembered: 13 MB for all of them, at 200 bytes each. */
const MAX_ETAGS = 65_536;
/** Files that are hashed at a time, each with a descriptor: as many as a site's cache holds by default. */
const MAX_JOBS = 256;

export interface EtagListener {
  /** The tag is not needed any more. */
  readonly isClosed: boolean;
  onEtag(etag: string): void;
}

/** A file that is being hashed; shares the descriptor meanwhile. */
interface HashJob {
  readonly body: FileBody;
  readonly hash: Hash;
  listeners: EtagListener[];
  doneBytes: number;
}

/**
 * Entity tags of large files by their content (`etag: 'content'`). Hashing a gigabyte takes a second, so:
 *
 * 1. `find` looks a file up by its fingerprint, among all files that were hashed, whether or not they are still cached.
 * 2. `read` starts a job for a file that is not known, or joins the one that runs.
 * 3. Jobs take turns of one slice each between two turns of the event loop, so that a long file delays neither requests nor
 *    other files.
 * 4. At its end a job calls its listeners. A file that changes meanwhile, or cannot be read, gets no tag.
 */
export class EtagHasher {
  /** By fingerprint, the least recently used first. */
  private readonly etags = new Map<string, string>();
  /** By fingerprint, the next to take a turn first. */
  private readonly jobs = new Map<string, HashJob>();
  /** The buffer, while there are jobs. */
  private slice: Buffer | null = null;

  constructor(
    private readonly kernel: Kernel,
    private readonly maxEtags = MAX_ETAGS,
    private readonly maxJobs = MAX_JOBS,
  ) {}

  /** Whether no further file should be hashed for now. */
  get isFull(): boolean {
    return this.jobs.size >= this.maxJobs;
  }

  /** The entity tag of a whole file; empty if it is not known. */
  find(fd: number, size: number): string {
    const fingerprint = exactFingerprint(this.kernel, fd, size);
    const etag = fingerprint === null ? undefined : this.etags.get(fingerprint);
    if (etag === undefined) return '';
    this.remember(fingerprint!, etag);
    return etag;
  }

  /**
   * Hashes a whole file, a slice at a time.
   * @param listener null if the tag is only to be remembered
   */
  read(body: FileBody, listener: EtagListener | null): void {
    const fingerprint = exactFingerprint(this.kernel, body.file.fd, body.length);
    if (fingerprint === null) return;
    let job = this.jobs.get(fingerprint);
    if (job === undefined) {
      body.file.retain();
      job = { body, hash: createHash('sha256'), listeners: [], doneBytes: 0 };
      this.jobs.set(fingerprint, job);
    }
    // Bounded: a file that is evicted and cached again has a new listener each time.
    job.listeners = job.listeners.filter(({ isClosed }) => !isClosed);
    if (listener !== null) job.listeners.push(listener);
    if (this.slice !== null) return;
    this.slice = Buffer.allocUnsafeSlow(SLICE_BYTES);
    setImmediate(this.step);
  }

  /** Releases all descriptors. */
  close(): void {
    for (const { body } of this.jobs.values()) body.file.release(this.kernel);
    this.jobs.clear();
    this.etags.clear();
  }

  private readonly step = (): void => {
    const [next] = this.jobs;
    if (next !== undefined) this.hashSlice(...next, this.slice!);
    if (this.jobs.size > 0) setImmediate(this.step);
    else this.slice = null;
  };

  private hashSlice(fingerprint: string, job: HashJob, slice: Buffer): void {
    const { body, hash } = job;
    this.jobs.delete(fingerprint);
    const length = Math.min(SLICE_BYTES, body.length - job.doneBytes);
    const count = this.kernel.pread(body.file.fd, slice, 0, length, job.doneBytes);
    // After a change the tag of the earlier content is of no use.
    const isUnchanged = exactFingerprint(this.kernel, body.file.fd, body.length) === fingerprint;
    if (isUnchanged && count > 0) {
      hash.update(slice.subarray(0, count));
      job.doneBytes += count;
      if (job.doneBytes < body.length) {
        this.jobs.set(fingerprint, job);
        return;
      }
    }
    body.file.release(this.kernel);
    if (!isUnchanged || job.doneBytes < body.length) return;
    const etag = etagForHash(hash);
    this.remember(fingerprint, etag);
    for (const listener of job.listeners) if (!listener.isClosed) listener.onEtag(etag);
  }

  private remember(fingerprint: string, etag: string): void {
    this.etags.delete(fingerprint);
    this.etags.set(fingerprint, etag);
    if (this.etags.size <= this.maxEtags) return;
    const [oldest] = this.etags.keys();
    this.etags.delete(oldest!);
  }
}

import { createHash, type Hash } from 'node:crypto';
import type { FileBody } from '../http/response.js';
import type { Kernel } from '../sys/kernel.js';
import type { Coding } from './encoding.js';

/** Read and hashed between two rounds of requests: about a millisecond. */
const SLICE_BYTES = 1_048_576;
/** 132 bits of SHA-256. */
const TAG_CHARACTERS = 22;

const tagOf = (hash: Hash): string => `"${hash.digest('base64url').slice(0, TAG_CHARACTERS)}"`;

/** An entity tag of nothing but the content: equal wherever that is. */
export const hashedTag = (bytes: Uint8Array): string => tagOf(createHash('sha256').update(bytes));

/** The tag of a form that was made from another: as strong or weak, and its own. */
export const tagOfCoded = (etag: string, coding: Coding): string =>
  etag === '' ? '' : `${etag.slice(0, -1)}-${coding}"`;

/**
 * Reads a file in slices, uses its descriptor meanwhile, and tells its tag; tells nothing when it cannot be read whole,
 * or nobody wants to know any more.
 */
export function tagLater(kernel: Kernel, body: FileBody, isWanted: () => boolean, tell: (etag: string) => void): void {
  const file = body.file.retain();
  const hash = createHash('sha256');
  const bytes = Buffer.allocUnsafe(SLICE_BYTES);
  let done = 0;
  const step = (): void => {
    const wanted = isWanted() ? Math.min(SLICE_BYTES, body.length - done) : 0;
    const got = kernel.pread(file.fd, bytes, 0, wanted, body.offset + done);
    if (got > 0) {
      done += got;
      hash.update(bytes.subarray(0, got));
      if (done < body.length) {
        setImmediate(step);
        return;
      }
    }
    file.release(kernel);
    if (done === body.length) tell(tagOf(hash));
  };
  setImmediate(step);
}

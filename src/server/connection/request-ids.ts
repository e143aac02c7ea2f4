import { randomBytes } from 'node:crypto';
import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { latin1 } from '../../http/text.js';

/** Longer than any in use: a UUID has 36, those of Amazon's load balancers 35 to 98. */
const LONGEST_ID_BYTES = 128;
/** The safe characters: nothing that means something to a log, a shell or a browser. */
const IS_SAFE = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=:@;')
  IS_SAFE[character.charCodeAt(0)] = 1;
/** 72 bits, as 12 characters: two servers have the same prefix with a probability of 10^-9 once there are three million. */
const PREFIX_BYTES = 9;

/** The ids of requests: the client's X-Request-Id, or a new one, which no other server, worker or start has. */
export class RequestIds {
  private readonly prefix = randomBytes(PREFIX_BYTES).toString('base64url');
  private made = 0;

  of(request: RequestParser): string {
    return givenId(request) ?? `${this.prefix}${(this.made++).toString(36).padStart(4, '0')}`;
  }
}

/** The id that the client, or a proxy before the server, has given; null without one, or with one that is too long or not safe. */
function givenId(request: RequestParser): string | null {
  const id = FieldId.xRequestId;
  if (!request.has(id) || request.isRepeated(id)) return null;
  const start = request.valueStart(id);
  const end = request.valueEnd(id);
  if (start === end || end - start > LONGEST_ID_BYTES) return null;
  for (let at = start; at < end; at++) if (IS_SAFE[request.bytes[at]!] === 0) return null;
  return latin1(request.bytes, start, end);
}

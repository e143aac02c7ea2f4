import { loadNative } from './native.js';
import { prepareRequest } from './request.js';
import { prepareResponse } from './response.js';

let isPrepared = false;

/** To be called before the first FastRequest or FastResponse is made. Idempotent. */
export function prepare(): void {
  if (isPrepared) return;
  isPrepared = true;
  loadNative();
  prepareRequest();
  prepareResponse();
}

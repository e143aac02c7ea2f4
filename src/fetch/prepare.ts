import { loadNative } from './native.js';
import { prepareRequest } from './request.js';
import { prepareResponse } from './response.js';

let isPrepared = false;

/** Before the first light Request or Response is made. Once is enough, and twice is fine. */
export function prepare(): void {
  if (isPrepared) return;
  isPrepared = true;
  loadNative();
  prepareRequest();
  prepareResponse();
}

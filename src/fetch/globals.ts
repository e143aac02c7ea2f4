import { isOfNode, NativeRequest, type RequestSource, standFor } from './native.js';
import { HALF, lacksDuplex, unfitFields } from './outgoing.js';
import { prepare } from './prepare.js';
import { FastRequest } from './request.js';
import { FastResponse } from './response.js';

/** Node's class, which also takes a FastRequest as its input, and a stream as its body without `duplex`, as browsers do. */
function outgoingRequest(Native: typeof Request): typeof Request {
  class OutgoingRequest extends Native {
    constructor(input: RequestSource, init?: RequestInit) {
      super(FastRequest.is(input) ? input.native : input, lacksDuplex(init) ? { ...init, ...HALF } : init);
    }
  }
  standFor(OutgoingRequest, Native);
  return OutgoingRequest;
}

let isInstalled = false;

/**
 * Replaces the global Response by FastResponse, and lets the global Request and fetch take a FastRequest. For the whole
 * process: it is what makes the responses of handlers cheap. Idempotent. A global that is not Node's own is not replaced.
 */
export function installGlobals(): void {
  if (isInstalled) return;
  isInstalled = true;
  prepare();
  const OutgoingRequest = outgoingRequest(NativeRequest);
  if (isOfNode(globalThis.Response)) install('Response', FastResponse);
  const { Request } = globalThis;
  if (isOfNode(Request)) {
    install('Request', OutgoingRequest);
    Object.setPrototypeOf(FastRequest.prototype, OutgoingRequest.prototype);
    Reflect.deleteProperty(FastRequest.prototype, 'constructor'); // inherited, like the others
  } else extend(Request, OutgoingRequest);
  const { fetch: before } = globalThis;
  const fetch = async (input: RequestSource, init?: RequestInit): Promise<Response> => {
    const names = unfitFields(input, init);
    if (names.length === 0 && !FastRequest.is(input) && !FastRequest.is(init) && !lacksDuplex(init)) {
      return before(input, init);
    }
    const request = new OutgoingRequest(input, init);
    for (const name of names) request.headers.delete(name);
    return before(request);
  };
  Object.defineProperty(globalThis, 'fetch', { value: fetch, configurable: true, writable: true, enumerable: true });
}

/** Puts a class between one of a program and Node's, so that the program's takes a FastRequest as well. */
function extend(of: object, Outgoing: typeof Request): void {
  const parent = Object.getPrototypeOf(of) as unknown;
  if (parent === NativeRequest) Object.setPrototypeOf(of, Outgoing);
  else if (typeof parent === 'function' && parent !== Function.prototype) extend(parent, Outgoing);
}

function install(name: 'Request' | 'Response', value: unknown): void {
  Object.defineProperty(value, 'name', { value: name });
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false });
}

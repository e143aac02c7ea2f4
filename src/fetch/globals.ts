import { NativeRequest, NativeResponse, type RequestSource, standFor } from './native.js';
import { prepare } from './prepare.js';
import { FastRequest } from './request.js';
import { FastResponse } from './response.js';

/** Node's class but for one thing: a request that a handler was given is one that it can be given. */
function outgoingRequest(Native: typeof Request): typeof Request {
  class OutgoingRequest extends Native {
    constructor(input: RequestSource, init?: RequestInit) {
      super(FastRequest.is(input) ? input.native : input, init);
    }
  }
  standFor(OutgoingRequest, Native);
  return OutgoingRequest;
}

/** What a request says for one hop, RFC 9110 section 7.6.1, and undici refuses to send: it says such things itself. */
const REFUSED = ['expect', 'keep-alive', 'transfer-encoding', 'upgrade'];

const refused = ({ headers }: Request): string[] => {
  const names = REFUSED.filter((name) => headers.has(name));
  return /^(?:close|keep-alive|)$/i.test(headers.get('connection') ?? '') ? names : [...names, 'connection'];
};

let isInstalled = false;

/**
 * Puts the light Response in the place of the global one, and teaches the global Request and fetch the light Request. For
 * the whole process: where handlers run, this is what makes their answers cheap. Once is enough, and twice is fine.
 * What somebody else has put in the place of Node's own stays there.
 */
export function installGlobals(): void {
  if (isInstalled) return;
  isInstalled = true;
  prepare();
  const OutgoingRequest = outgoingRequest(NativeRequest);
  if (globalThis.Response === NativeResponse) install('Response', FastResponse);
  if (globalThis.Request === NativeRequest) {
    install('Request', OutgoingRequest);
    Object.setPrototypeOf(FastRequest.prototype, OutgoingRequest.prototype);
    Reflect.deleteProperty(FastRequest.prototype, 'constructor'); // it is that one’s
  }
  const { fetch: before } = globalThis;
  const fetch = async (input: RequestSource, init?: RequestInit): Promise<Response> => {
    if (!(input instanceof NativeRequest)) return before(input, init);
    const names = refused(input);
    if (names.length === 0 && !FastRequest.is(input)) return before(input, init);
    const request = new OutgoingRequest(input, init);
    for (const name of names) request.headers.delete(name);
    return before(request);
  };
  Object.defineProperty(globalThis, 'fetch', { value: fetch, configurable: true, writable: true, enumerable: true });
}

function install(name: 'Request' | 'Response', value: unknown): void {
  Object.defineProperty(value, 'name', { value: name });
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false });
}

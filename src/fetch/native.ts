/** Node's own classes, even after the globals were replaced; set by `loadNative`. */
export let NativeHeaders: typeof globalThis.Headers;
export let NativeRequest: typeof globalThis.Request;
export let NativeResponse: typeof globalThis.Response;

/** Access to the globals loads undici, 10 MB and 30 ms, which a server without a handler does not need. */
export function loadNative(): void {
  NativeHeaders = globalThis.Headers;
  NativeRequest = globalThis.Request;
  NativeResponse = globalThis.Response;
}

export type RequestSource = ConstructorParameters<typeof Request>[0];
export type BodySource = ConstructorParameters<typeof Response>[0];
export type HeadersSource = NonNullable<ResponseInit['headers']>;

/** Makes `instanceof` the fast class the same as `instanceof` the native one; its subclasses behave as usual. */
export function standFor(fast: object, native: object): void {
  Object.defineProperty(fast, Symbol.hasInstance, {
    value(this: object, value: unknown): boolean {
      return Function.prototype[Symbol.hasInstance].call(this === fast ? native : this, value);
    },
  });
}

interface HasNative {
  readonly native: object;
}

/**
 * Gives a prototype every member of Node's, in any version of Node: the ones it lacks are delegated to `native`, and its
 * own become as enumerable as there.
 */
export function delegate(fast: HasNative, native: object): void {
  for (const [name, { get, value, enumerable = false }] of Object.entries(Object.getOwnPropertyDescriptors(native))) {
    if (name === 'constructor') continue;
    if (Object.hasOwn(fast, name)) Object.defineProperty(fast, name, { enumerable });
    else if (get !== undefined) {
      Object.defineProperty(fast, name, {
        get(this: HasNative) {
          return get.call(this.native);
        },
        enumerable,
        configurable: true,
      });
    } else if (typeof value === 'function') {
      Object.defineProperty(fast, name, {
        value(this: HasNative, ...args: unknown[]) {
          return value.apply(this.native, args);
        },
        enumerable,
        configurable: true,
        writable: true,
      });
    }
  }
  Object.setPrototypeOf(fast, native);
}

/** Makes `to` equal to `from`: two objects for the headers of one message, both of which the program may hold. */
export function copyHeaders(from: Headers, to: Headers): void {
  if (from === to) return;
  for (const name of new Set(to.keys())) to.delete(name);
  for (const [name, value] of from) to.append(name, value);
}

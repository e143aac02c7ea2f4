/** Node's own classes, whoever stands in their place later; set by `loadNative`. */
export let NativeHeaders: typeof globalThis.Headers;
export let NativeRequest: typeof globalThis.Request;
export let NativeResponse: typeof globalThis.Response;

/** To name them loads undici, 10 MB and 30 ms: whoever serves files alone does without. */
export function loadNative(): void {
  NativeHeaders = globalThis.Headers;
  NativeRequest = globalThis.Request;
  NativeResponse = globalThis.Response;
}

export type RequestSource = ConstructorParameters<typeof Request>[0];
export type BodySource = ConstructorParameters<typeof Response>[0];
export type HeadersSource = NonNullable<ResponseInit['headers']>;

/** Makes `instanceof` one class answer for another; a subclass of it is asked as usual. */
export function standFor(light: object, native: object): void {
  Object.defineProperty(light, Symbol.hasInstance, {
    value(this: object, value: unknown): boolean {
      return Function.prototype[Symbol.hasInstance].call(this === light ? native : this, value);
    },
  });
}

interface HasNative {
  readonly native: object;
}

/**
 * Gives a prototype all that Node's has, whichever version of Node this is: what it does not have itself is asked of
 * `native`, and what it has is as visible as there.
 */
export function delegate(light: HasNative, native: object): void {
  for (const [name, { get, value, enumerable = false }] of Object.entries(Object.getOwnPropertyDescriptors(native))) {
    if (name === 'constructor') continue;
    if (Object.hasOwn(light, name)) Object.defineProperty(light, name, { enumerable });
    else if (get !== undefined) {
      Object.defineProperty(light, name, {
        get(this: HasNative) {
          return get.call(this.native);
        },
        enumerable,
        configurable: true,
      });
    } else if (typeof value === 'function') {
      Object.defineProperty(light, name, {
        value(this: HasNative, ...args: unknown[]) {
          return value.apply(this.native, args);
        },
        enumerable,
        configurable: true,
        writable: true,
      });
    }
  }
  Object.setPrototypeOf(light, native);
}

/** Makes `to` say what `from` says: two objects of one message's headers that are handed out both. */
export function copyHeaders(from: Headers, to: Headers): void {
  if (from === to) return;
  for (const name of new Set(to.keys())) to.delete(name);
  for (const [name, value] of from) to.append(name, value);
}

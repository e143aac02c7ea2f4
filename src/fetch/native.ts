import { types } from 'node:util';

/** Node's own classes, even after the globals were replaced; set by `loadNative`. */
export let NativeHeaders: typeof globalThis.Headers;
export let NativeRequest: typeof globalThis.Request;
export let NativeResponse: typeof globalThis.Response;

/** Access to the globals loads undici, 10 MB and 30 ms, which a server without a handler does not need. */
export function loadNative(): void {
  NativeHeaders = rootOf(globalThis.Headers);
  NativeRequest = rootOf(globalThis.Request);
  NativeResponse = rootOf(globalThis.Response);
}

/** The class at the root of its ancestors: a program may have replaced a global by a class that extends it. */
export function rootOf<Class extends object>(of: Class): Class {
  const parent = Object.getPrototypeOf(of) as Class;
  return typeof parent === 'function' && parent !== (Function.prototype as unknown) ? rootOf(parent) : of;
}

/** Whether this is a class of Node itself: not one that a program has put in its place, and not that of undici's package. */
export function isOfNode(of: new (...args: never[]) => unknown): boolean {
  return !types.isProxy(of) && rootOf(of) === of && isOfUndici(of) && throwsInNode(of);
}

/** Whether the source of a function is undici's; that of a program which wraps it is not. */
export const isOfUndici = (of: unknown): boolean =>
  typeof of === 'function' &&
  /\b(?:webidl|consumeBody|getInternalState|kState)\b/.test(Function.prototype.toString.call(of));

/** Whether the constructor, called with what no class of fetch takes, throws in a file of Node. */
function throwsInNode(of: new (...args: never[]) => unknown): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = (_, [site]) => site?.getFileName() ?? '';
  try {
    Reflect.construct(of, [Symbol(), Symbol()]);
    return false;
  } catch (error) {
    return String((error as Error).stack).startsWith('node:');
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
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
 * Gives a prototype every member of Node's, in any version of Node: the ones it lacks are delegated to `native`, as are
 * those that a program has wrapped, and its own become as enumerable as there.
 */
export function delegate(fast: HasNative, native: object, isNodes: boolean): void {
  for (const [name, { get, value, enumerable = false }] of Object.entries(Object.getOwnPropertyDescriptors(native))) {
    if (name === 'constructor') continue;
    if (Object.hasOwn(fast, name) && (!isNodes || isOfUndici(get ?? value)))
      Object.defineProperty(fast, name, { enumerable });
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

/**
 * Moves the members of a prototype to Node's, which serve both classes from here on: a program that wraps one of them
 * wraps it for both.
 */
export function share(fast: HasNative, native: object, isFast: (value: unknown) => value is HasNative): void {
  for (const [name, theirs] of Object.entries(Object.getOwnPropertyDescriptors(native))) {
    const own = Object.getOwnPropertyDescriptor(fast, name);
    if (own === undefined || name === 'constructor') continue;
    const key = theirs.get === undefined ? 'value' : 'get';
    const [ofFast, ofNative] = [own[key], theirs[key]] as ((this: unknown, ...args: unknown[]) => unknown)[];
    const both = {
      [name](this: unknown, ...args: unknown[]): unknown {
        return isFast(this) ? ofFast!.apply(this, args) : ofNative!.apply(this, args);
      },
    }[name]!;
    Object.defineProperty(both, 'name', { value: ofNative!.name });
    Object.defineProperty(both, 'length', { value: ofNative!.length });
    Object.defineProperty(native, name, { ...theirs, [key]: both });
    Reflect.deleteProperty(fast, name);
  }
}

/** Makes `to` equal to `from`: two objects for the headers of one message, both of which the program may hold. */
export function copyHeaders(from: Headers, to: Headers): void {
  if (from === to) return;
  for (const name of new Set(to.keys())) to.delete(name);
  for (const [name, value] of from) to.append(name, value);
}

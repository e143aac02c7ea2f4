import type { ContentCoding } from '../../http/semantics/accept-encoding.js';
import type { ByteRange, IgnoredRange } from '../../http/semantics/byte-range.js';
import type { PreconditionResult } from '../../http/semantics/preconditions.js';
import type { Release } from '../resolve/release-root.js';
import type { Resolved } from '../resolve/resolver.js';
import type { UrlPath } from '../resolve/url-path.js';
import type { Redirect } from '../rules/redirects.js';
import type { Representation } from './representation.js';

export type Uncacheable =
  | 'racy'
  | 'pseudo-file'
  | 'changed while read'
  | 'too many files to hash'
  | 'no room'
  | 'requested once';

export interface BuiltFile {
  readonly resolved: Resolved;
  readonly identity: Representation;
  /** It is compressed on request. */
  readonly isCompressed: boolean;
  readonly uncacheable: Uncacheable | null;
}

/** What a site decides on the way to a response, in this order; not all of it for each response. */
export interface Decisions {
  redirect: Redirect | null;
  path: UrlPath | 400 | 404;
  resolution: { readonly resolved: Resolved; readonly release: Release };
  /** -errno of a directory that cannot be listed. */
  listingErrno: number;
  /** -errno of a file that cannot be read. */
  readErrno: number;
  file: BuiltFile;
  /** The site's page for an error; null for plain text. */
  errorPage: BuiltFile | null;
  fallback: BuiltFile | 'asset' | 'not accepted' | 'missing';
  /** Chosen by Accept-Encoding; null for a 406. With the coding that is being compressed for later requests. */
  representation: { readonly representation: Representation | null; readonly compressing: ContentCoding | null };
  precondition: PreconditionResult;
  range: readonly ByteRange[] | 416 | IgnoredRange;
}

/** Receives each decision as it is made. Only explain has one; a server has null. */
export type Observe = <Name extends keyof Decisions>(name: Name, decision: Decisions[Name]) => void;

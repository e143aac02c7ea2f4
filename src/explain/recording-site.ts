import type { Representations } from '../files/representation/representations.js';
import type { Release } from '../files/resolve/release-root.js';
import type { Resolved } from '../files/resolve/resolver.js';
import type { UrlPath } from '../files/resolve/url-path.js';
import type { Redirect } from '../files/rules/redirects.js';
import type { Rules } from '../files/rules/response-headers.js';
import type { ResolvedSiteOptions } from '../files/rules/site-options.js';
import { Site, type SiteContext } from '../files/site.js';
import type { RequestParser } from '../http/request/parser.js';
import { CODINGS, type ContentCoding, PRECOMPRESSED_SUFFIXES } from '../http/semantics/accept-encoding.js';
import { latin1 } from '../http/text.js';
import { type KernelRecord, recordingKernel, type SymlinkRead } from './recording-kernel.js';

/** A file that content was made of: what was asked for, or a page that stands in for it. */
export interface Composition {
  readonly survey: Resolved;
  readonly content: Representations;
  readonly isKept: boolean;
}

/** What the file system was asked, and said. */
export interface View {
  readonly survey: Resolved;
  readonly release: Release;
  readonly links: readonly SymlinkRead[];
  /** Of the last file that was looked at. */
  readonly mode: number;
}

/** A coded form beside a file. */
export interface Beside {
  readonly coding: ContentCoding;
  readonly name: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/** A site that remembers how it came by its answer, which it makes as any site does. For one request. */
export class RecordingSite extends Site {
  declare readonly context: SiteContext;
  declare readonly options: ResolvedSiteOptions;
  declare readonly rules: Rules;
  readonly compositions: Composition[] = [];
  view: View | null = null;
  /** Why a folder could not be listed, -errno; 0 where it could, or was not to be. */
  listingRefusal = 0;
  /** The form of a folder's listing that was made; null when none was. */
  listingForm: Representations | null = null;
  private readonly seen: KernelRecord;

  constructor(context: SiteContext, path: string, options: ResolvedSiteOptions) {
    const seen: KernelRecord = { links: [], mode: 0 };
    super({ ...context, kernel: recordingKernel(context.kernel, seen) }, path, options);
    this.seen = seen;
    const { builder, listings } = this;
    const read = listings.read.bind(listings);
    listings.read = (...args) => {
      const entries = read(...args);
      if (typeof entries === 'number') this.listingRefusal = entries;
      return entries;
    };
    const make = builder.fromBytes.bind(builder);
    builder.fromBytes = (...args) => {
      this.listingForm = make(...args);
      return this.listingForm;
    };
    const compose = builder.build.bind(builder);
    builder.build = (...args) => {
      const composed = compose(...args);
      this.compositions.push({ survey: args[0], content: composed.content, isKept: composed.isCacheable });
      return composed;
    };
  }

  /** The redirect that a request meets before any file. */
  redirectOf({ bytes, pathStart, pathEnd, targetEnd }: RequestParser): Redirect | null {
    return this.rules.redirectFor(latin1(bytes, pathStart, pathEnd), latin1(bytes, pathEnd, targetEnd));
  }

  /** The coded forms beside a file, those that are outdated too. */
  beside({ survey: { name }, release }: View): Beside[] {
    const found: Beside[] = [];
    for (const coding of CODINGS) {
      const { file, ...its } = this.resolver.file(
        release.lookup,
        Buffer.concat([name, Buffer.from(PRECOMPRESSED_SUFFIXES[coding])]),
      );
      if (file === null) continue;
      this.context.kernel.close(file.fd);
      found.push({ coding, name: its.name.toString(), size: file.size, modifiedMs: file.modifiedMs });
    }
    return found;
  }

  protected override resolve(target: UrlPath) {
    this.seen.links = [];
    const looked = super.resolve(target);
    this.view = {
      survey: looked.resolved,
      release: looked.release,
      links: this.seen.links.map(({ name, target: to }) => ({ name: this.below(name), target: to })),
      mode: this.seen.mode,
    };
    return looked;
  }

  /** A name without the root that it is below. */
  private below(name: string): string {
    const { path } = this.releaseRoot.current.root;
    return name.startsWith(`${path}/`) ? name.slice(path.length + 1) : name;
  }
}

import { latin1 } from '../http/latin1.js';
import type { RequestParser } from '../http/request-parser.js';
import type { Release } from './deployment.js';
import { CODINGS, type Coding, SIDECAR_SUFFIXES } from './encoding.js';
import type { FileContent } from './file-content.js';
import type { ResolvedSiteOptions } from './options.js';
import type { Redirect } from './redirects.js';
import type { Rules } from './rules.js';
import { type Link, type Sightings, witnessed } from './sightings.js';
import { Site, type SiteContext } from './site.js';
import type { Survey } from './survey.js';
import type { Target } from './target.js';

/** A file that content was made of: what was asked for, or a page that stands in for it. */
export interface Composition {
  readonly survey: Survey;
  readonly content: FileContent;
  readonly isKept: boolean;
}

/** What the file system was asked, and said. */
export interface View {
  readonly survey: Survey;
  readonly release: Release;
  readonly links: readonly Link[];
  /** Of the last file that was looked at. */
  readonly mode: number;
}

/** A coded form beside a file. */
export interface Beside {
  readonly coding: Coding;
  readonly name: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/** A site that remembers how it came by its answer, which it makes as any site does. For one request. */
export class ExplainedSite extends Site {
  declare readonly context: SiteContext;
  declare readonly options: ResolvedSiteOptions;
  declare readonly rules: Rules;
  readonly compositions: Composition[] = [];
  view: View | null = null;
  /** Why a folder could not be listed, -errno; 0 where it could, or was not to be. */
  listingRefusal = 0;
  /** The form of a folder's listing that was made; null when none was. */
  listingForm: FileContent | null = null;
  private readonly seen: Sightings;

  constructor(context: SiteContext, path: string, options: ResolvedSiteOptions) {
    const seen: Sightings = { links: [], mode: 0 };
    super({ ...context, kernel: witnessed(context.kernel, seen) }, path, options);
    this.seen = seen;
    const { composer, listings } = this;
    const read = listings.read.bind(listings);
    listings.read = (...args) => {
      const entries = read(...args);
      if (typeof entries === 'number') this.listingRefusal = entries;
      return entries;
    };
    const make = composer.made.bind(composer);
    composer.made = (...args) => {
      this.listingForm = make(...args);
      return this.listingForm;
    };
    const compose = composer.content.bind(composer);
    composer.content = (...args) => {
      const composed = compose(...args);
      this.compositions.push({ survey: args[0], ...composed });
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
      const { file, ...its } = this.surveyor.file(
        release.lookup,
        Buffer.concat([name, Buffer.from(SIDECAR_SUFFIXES[coding])]),
      );
      if (file === null) continue;
      this.context.kernel.close(file.fd);
      found.push({ coding, name: its.name.toString(), size: file.size, modifiedMs: file.modifiedMs });
    }
    return found;
  }

  protected override survey(target: Target) {
    this.seen.links = [];
    const looked = super.survey(target);
    this.view = {
      ...looked,
      links: this.seen.links.map(({ name, target: to }) => ({ name: this.below(name), target: to })),
      mode: this.seen.mode,
    };
    return looked;
  }

  /** A name without the root that it is below. */
  private below(name: string): string {
    const { path } = this.deployment.current.root;
    return name.startsWith(`${path}/`) ? name.slice(path.length + 1) : name;
  }
}

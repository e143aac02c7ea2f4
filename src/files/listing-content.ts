import { Known } from '../http/headers.js';
import { latin1 } from '../http/latin1.js';
import type { RequestParser } from '../http/request-parser.js';
import type { Field, Response } from '../http/response.js';
import { prefersJson } from './accept.js';
import type { Composer } from './compose.js';
import type { Entries } from './entries.js';
import type { FileContent } from './file-content.js';
import { LISTING_CSP, type ListingCut, type ListingOrder, renderHtml, renderJson, sortOf } from './listing.js';
import { type Content, ENTRY_OVERHEAD_BYTES } from './resource.js';
import { varying } from './variant.js';

/** An entry in memory: its name, and what stands beside it. */
const ENTRY_BYTES = 200;

const POLICY: Field = ['Content-Security-Policy', LISTING_CSP];

/**
 * What no rule says of a listing: the folder may change, and a policy that is meant for the site's pages would take the
 * style away from this one, whose own lets nothing else happen.
 */
const OWN_FIELDS: ReadonlySet<string> = new Set(['cache-control', 'content-security-policy']);

/** A folder's listing, as a page or as JSON, in the order that is asked for: each made when it is asked for first. */
export class ListingContent implements Content {
  private readonly forms = new Map<string, FileContent>();
  private readonly fields: readonly Field[];
  private readonly cut: ListingCut | null;

  /**
   * @param path of the folder below the root, decoded
   * @param changed called when the content has come to hold more
   */
  constructor(
    readonly entries: Entries,
    private readonly path: string,
    fields: readonly Field[],
    private readonly composer: Composer,
    private readonly changed: () => void,
  ) {
    const { first, count, isWhole } = entries.names;
    this.cut = first.length === count ? null : { looked: first.length, names: count, isOpen: !isWhole };
    const others = fields.filter(([name]) => !OWN_FIELDS.has(name.toLowerCase()));
    this.fields = [
      ...varying(others, 'Accept'),
      ['Cache-Control', 'no-cache'],
      ['X-Total-Count', `${this.cut === null ? entries.listed.length : count}`],
    ];
  }

  get bytes(): number {
    let bytes = ENTRY_OVERHEAD_BYTES + this.entries.names.first.length * ENTRY_BYTES;
    for (const form of this.forms.values()) bytes += form.bytes;
    return bytes;
  }

  answer(request: RequestParser): Response {
    const order = sortOf(latin1(request.bytes, request.pathEnd, request.targetEnd));
    const isJson = prefersJson(request.list(Known.accept));
    const name = `${isJson ? 'json' : 'html'} ${order.sort} ${order.descending}`;
    const form = this.forms.get(name);
    if (form !== undefined) return form.answer(request);
    const made = this.make(isJson, order);
    this.forms.set(name, made);
    this.changed();
    return made.answer(request);
  }

  close(): void {}

  private make(isJson: boolean, order: ListingOrder): FileContent {
    const options = { ...order, path: this.path, cut: this.cut };
    const bytes = (isJson ? renderJson : renderHtml)(this.entries.listed, options);
    const form = isJson
      ? { mediaType: 'application/json', fields: this.fields }
      : { mediaType: 'text/html; charset=utf-8', fields: [POLICY, ...this.fields] };
    return this.composer.made(bytes, { ...form, varies: false });
  }
}

import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { Field, HttpResponse } from '../../http/response/response.js';
import { prefersJson } from '../../http/semantics/accept.js';
import { latin1 } from '../../http/text.js';
import { type CacheContent, ENTRY_OVERHEAD_BYTES } from '../cache/entry.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import { withVary } from '../representation/representation.js';
import type { Representations } from '../representation/representations.js';
import { LISTING_CSP, type ListingOrder, renderHtml, renderJson, sortOf, type Truncation } from './render.js';
import type { DirectoryScan } from './scan.js';

/** An entry in memory: its name, and what stands beside it. */
const ENTRY_BYTES = 200;

const POLICY: Field = ['Content-Security-Policy', LISTING_CSP];

/**
 * What no rule says of a listing: the folder may change, and a policy that is meant for the site's pages would take the
 * style away from this one, whose own lets nothing else happen.
 */
const OWN_FIELDS: ReadonlySet<string> = new Set(['cache-control', 'content-security-policy']);

/** A folder's listing, as a page or as JSON, in the order that is asked for: each made when it is asked for first. */
export class ListingRepresentations implements CacheContent {
  private readonly rendered = new Map<string, Representations>();
  private readonly fields: readonly Field[];
  private readonly truncation: Truncation | null;

  /**
   * @param path of the folder below the root, decoded
   * @param changed called when the content has come to hold more
   */
  constructor(
    readonly entries: DirectoryScan,
    private readonly path: string,
    fields: readonly Field[],
    private readonly composer: RepresentationBuilder,
    private readonly changed: () => void,
  ) {
    const { first, count, isWhole } = entries.names;
    this.truncation = first.length === count ? null : { scanned: first.length, names: count, hasMore: !isWhole };
    const others = fields.filter(([name]) => !OWN_FIELDS.has(name.toLowerCase()));
    this.fields = [
      ...withVary(others, 'Accept'),
      ['Cache-Control', 'no-cache'],
      ['X-Total-Count', `${this.truncation === null ? entries.listed.length : count}`],
    ];
  }

  get bytes(): number {
    let bytes = ENTRY_OVERHEAD_BYTES + this.entries.names.first.length * ENTRY_BYTES;
    for (const form of this.rendered.values()) bytes += form.bytes;
    return bytes;
  }

  respond(request: RequestParser): HttpResponse {
    const order = sortOf(latin1(request.bytes, request.pathEnd, request.targetEnd));
    const isJson = prefersJson(request.list(FieldId.accept));
    const name = `${isJson ? 'json' : 'html'} ${order.sort} ${order.descending}`;
    const form = this.rendered.get(name);
    if (form !== undefined) return form.respond(request);
    const made = this.render(isJson, order);
    this.rendered.set(name, made);
    this.changed();
    return made.respond(request);
  }

  close(): void {}

  private render(isJson: boolean, order: ListingOrder): Representations {
    const options = { ...order, path: this.path, truncation: this.truncation };
    const bytes = (isJson ? renderJson : renderHtml)(this.entries.listed, options);
    const form = isJson
      ? { mediaType: 'application/json', fields: this.fields }
      : { mediaType: 'text/html; charset=utf-8', fields: [POLICY, ...this.fields] };
    return this.composer.fromBytes(bytes, { ...form, varies: false });
  }
}

import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { Field, HttpResponse } from '../../http/response/response.js';
import { prefersJson } from '../../http/semantics/accept.js';
import { latin1 } from '../../http/text.js';
import { type CacheContent, ENTRY_OVERHEAD_BYTES } from '../cache/entry.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import { withVary } from '../representation/representation.js';
import type { Representations } from '../representation/representations.js';
import { LISTING_CSP, type ListingOrder, parseOrder, renderHtml, renderJson, type Truncation } from './render.js';
import type { DirectoryScan, Steps } from './scan.js';

/** An entry in memory: its name and its record. */
const ENTRY_BYTES = 200;

const POLICY: Field = ['Content-Security-Policy', LISTING_CSP];

/**
 * Fields that rules do not set on a listing: it must be revalidated, and a policy meant for the site's pages would block
 * its style, while its own allows nothing else.
 */
const OWN_FIELDS: ReadonlySet<string> = new Set(['cache-control', 'content-security-policy']);

/** What a request for a listing wants. */
export interface ListingForm {
  readonly key: string;
  readonly isJson: boolean;
  readonly order: ListingOrder;
}

export function formOf(request: RequestParser): ListingForm {
  const order = parseOrder(latin1(request.bytes, request.pathEnd, request.targetEnd));
  const isJson = prefersJson(request.list(FieldId.accept));
  return { key: `${isJson ? 'json' : 'html'} ${order.sort} ${order.descending}`, isJson, order };
}

/** Takes all steps at once. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The listing of a directory as HTML or JSON in the requested order, each rendered at its first request. */
export class ListingRepresentations implements CacheContent {
  /** Called when the content takes more memory. */
  onGrown: () => void = () => {};
  private readonly rendered = new Map<string, Representations>();
  private readonly fields: readonly Field[];
  private readonly truncation: Truncation | null;

  /**
   * @param path of the directory below the root, decoded
   */
  constructor(
    readonly entries: DirectoryScan,
    private readonly path: string,
    fields: readonly Field[],
    private readonly builder: RepresentationBuilder,
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
    const own = ENTRY_OVERHEAD_BYTES + this.entries.names.first.length * ENTRY_BYTES;
    return [...this.rendered.values()].reduce((bytes, each) => bytes + each.bytes, own);
  }

  respond(request: RequestParser): HttpResponse {
    const form = formOf(request);
    if (!this.rendered.has(form.key)) finish(this.prepare(form));
    return this.rendered.get(form.key)!.respond(request);
  }

  /** Renders a form ahead of its request. */
  *prepare({ key, isJson, order }: ListingForm): Steps<void> {
    if (this.rendered.has(key)) return;
    this.rendered.set(key, yield* this.render(isJson, order));
    this.onGrown();
  }

  close(): void {}

  private *render(isJson: boolean, order: ListingOrder): Steps<Representations> {
    const options = { ...order, path: this.path, truncation: this.truncation };
    const { listed } = this.entries;
    const bytes = isJson ? renderJson(listed, options) : yield* renderHtml(listed, options);
    const common = isJson
      ? { mediaType: 'application/json', fields: this.fields }
      : { mediaType: 'text/html; charset=utf-8', fields: [POLICY, ...this.fields] };
    return this.builder.fromBytes(bytes, { ...common, varies: false });
  }
}

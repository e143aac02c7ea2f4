import { headerPath } from '../files/representation/builder.js';
import { mediaTypeOf } from '../files/rules/media-type.js';
import type { Trace } from './trace.js';

/** A field that could have been sent and was not. */
export interface Absent {
  readonly name: string;
  readonly why: string;
}

const VARIES: Readonly<Record<string, string>> = {
  'accept-encoding': 'other forms may be sent to others',
  origin: 'who may read it is said to each origin',
};

/** Of a file's answers these are sentences; 416 has the file's fields all the same. */
const isSentence = (status: number): boolean => status === 406 || status === 412 || status === 416;

/** Why an answer's fields are as they are. */
export class HeaderReasons {
  /** By the site's rules, by name in lower case. */
  private readonly rules = new Map<string, string>();
  readonly absent: readonly Absent[];

  constructor(private readonly story: Trace) {
    const { outcome, response } = story;
    const absent: Absent[] = [];
    const ruled = this.nameOfRules();
    if (ruled !== null) {
      for (const { name, reason, isRemoval } of story.site.rules.fieldsFor(`/${ruled}`, mediaTypeOf(ruled)).reasons) {
        if (isRemoval) absent.push({ name, why: `removed, ${reason}` });
        else this.rules.set(name.toLowerCase(), reason);
      }
    }
    if (outcome !== 'file' || response.status >= 400) this.rules.set('cache-control', this.whyNotKept());
    if (outcome === 'listing')
      this.rules.set('content-security-policy', 'a listing needs its own style, and nothing else');
    if (ruled === null && story.site.options.securityHeaders)
      this.rules.set('x-content-type-options', 'securityHeaders is on');
    if (story.composition !== null && outcome !== 'error' && response.status < 400)
      absent.push(...this.absentValidators());
    const sent = new Set(response.fields.map(([name]) => name.toLowerCase()));
    this.absent = absent.filter(({ name }) => !sent.has(name.toLowerCase()));
  }

  of(name: string, value: string): string {
    const key = name.toLowerCase();
    const { response } = this.story;
    switch (key) {
      case 'content-type':
        return this.whyType(value);
      case 'content-encoding':
        return 'the form that was chosen';
      case 'accept-ranges':
        return 'parts of it can be asked for';
      case 'content-range':
        return response.status === 416 ? 'how much there is' : 'which part this is';
      case 'etag':
        return this.whyTag(value);
      case 'last-modified':
        return "the file's time of modification";
      case 'vary':
        return (
          this.rules.get(key) ??
          value
            .split(/, */)
            .map((each) => this.whyVary(each))
            .join('; ')
        );
      case 'location':
        return 'where it is, with the query of the request unless it has one';
      case 'retry-after':
        return 'descriptors come back when answers are sent';
      case 'x-total-count':
        return 'how many entries the folder has, listed or not';
    }
    return this.rules.get(key) ?? (key.startsWith('access-control-') ? 'cors' : "the server's own");
  }

  /** The name that the rules were asked for; null for a sentence. */
  private nameOfRules(): Buffer | null {
    const { composition, outcome, response, site } = this.story;
    if (outcome === 'listing') return headerPath(site.view!.survey);
    return composition === null || [406, 412].includes(response.status) ? null : composition.survey.name;
  }

  private whyNotKept(): string {
    const { composition, outcome } = this.story;
    if (outcome === 'listing') return 'the folder may change';
    if (outcome === 'redirect') return 'where it leads may change';
    return outcome === 'file' || composition === null
      ? 'what is refused now may be there later'
      : "this address is not the page's own";
  }

  private whyVary(name: string): string {
    if (name !== 'Accept') return VARIES[name.toLowerCase()] ?? name;
    return this.story.outcome === 'listing' ? 'a page or JSON, by Accept' : 'the fallback is for who asks for a page';
  }

  private whyType(value: string): string {
    const { composition, outcome, response } = this.story;
    if (outcome === 'listing' && !isSentence(response.status)) return 'what a listing is made as, by Accept';
    if (composition === null && response.status >= 500 && value.startsWith('text/html')) return 'by .html';
    if (composition === null || isSentence(response.status)) return "a sentence of the server's own";
    if (value.startsWith('multipart/byteranges')) return 'several ranges';
    const { name } = composition.survey;
    const extension = /\.[^./]+$/.exec(name.toString())?.[0];
    const known = value !== 'application/octet-stream';
    return (
      this.rules.get('content-type') ??
      (extension === undefined ? 'the name has no extension' : known ? `by ${extension}` : `${extension} is not known`)
    );
  }

  private whyTag(tag: string): string {
    const { composition, site, outcome } = this.story;
    if (outcome === 'listing') return 'a hash of its bytes';
    const { content, survey } = composition!;
    const coding = content.list.find(({ validators }) => validators.etag === tag)?.coding ?? 'identity';
    const isBeside = survey.precompressed.some((sidecar) => sidecar.coding === coding);
    const form =
      coding === 'identity' ? '' : isBeside ? ', and the coding' : ', the coding, and a hash of what it came to';
    const source = site.options.etag === 'content' ? 'a hash of its bytes' : "the file's inode, size and times";
    if (tag.startsWith('W/')) return `etag is stat: ${source}; weak, for it changed a moment ago`;
    return `etag is ${site.options.etag}: ${source}${form}`;
  }

  private absentValidators(): Absent[] {
    const { composition, request, site } = this.story;
    const sent = composition!.content.selectByEncoding(request);
    const why =
      site.options.etag === 'content'
        ? 'etag is content: equal servers have files of different times'
        : sent?.validators.recent
          ? 'the second of the last change is not over'
          : 'the time of modification is none to believe';
    return [
      { name: 'Last-Modified', why },
      { name: 'ETag', why: 'etag is content, and so large a file has its hash when it has been read once' },
    ];
  }
}

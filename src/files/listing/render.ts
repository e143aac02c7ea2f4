import { createHash } from 'node:crypto';
import { directoryUrlPath } from '../resolve/url-path.js';

/** An entry of a directory. A symlink stands for its target. */
export interface ListingEntry {
  readonly name: Buffer;
  readonly isDirectory: boolean;
  readonly size: number;
  readonly modifiedMs: number;
}

export interface ListingOrder {
  readonly sort: 'name' | 'size' | 'time';
  readonly descending: boolean;
}

/** How a listing is cut: to the first `scanned` of the `names` that were read, and the directory may have more. */
export interface Truncation {
  readonly scanned: number;
  readonly names: number;
  readonly hasMore: boolean;
}

export interface ListingOptions extends ListingOrder {
  /** Of the directory below the root, decoded. For display only: links are relative, as the request's path ends with `/`. */
  readonly path: string;
  readonly truncation: Truncation | null;
}

interface Row extends ListingEntry {
  readonly text: string;
  readonly url: string;
}

/** In the style of html/style.css, but compact: it is sent with each page. */
const STYLE = `
:root { color-scheme: light dark; --ground: #f3f6f7; --panel: #fff; --ink: #12242d; --muted: #4d626c; --rule: #cfdadf;
  --user: #0b5f78; --kernel: #8a5300;
  --sans: "Avenir Next", "Segoe UI", Cantarell, Ubuntu, "Noto Sans", "Helvetica Neue", "Liberation Sans", sans-serif;
  --mono: ui-monospace, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1b22; --panel: #13262f; --ink: #e3edf0; --muted: #9bb0b8;
  --rule: #294450; --user: #62c3dc; --kernel: #f3b64c; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { max-width: 60rem; margin: 0 auto; padding: clamp(1.25rem, 5vw, 3rem) clamp(1rem, 4vw, 2.5rem);
  background: var(--ground); color: var(--ink); font: 1rem / 1.5 var(--sans); }
h1 { margin: 0 0 1.5rem; font-size: clamp(1.25rem, 4vw, 1.75rem); line-height: 1.3; letter-spacing: -0.015em;
  overflow-wrap: anywhere; }
h1 i { color: var(--muted); font-style: normal; font-weight: 400; }
a { color: var(--user); text-underline-offset: 0.2em; }
h1 a { margin: 0 0.1em; text-decoration-thickness: 1px; }
:focus-visible { outline: 3px solid var(--kernel); outline-offset: 3px; border-radius: 3px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0 0.4rem 1.5rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top;
  white-space: nowrap; }
th { font-size: 0.9375rem; font-weight: 500; }
th a { color: var(--muted); text-decoration: none; }
th a:hover, th[aria-sort] a { color: var(--ink); text-decoration: underline var(--kernel) 2px; }
[aria-sort=ascending] a::after { content: " \\2191"; }
[aria-sort=descending] a::after { content: " \\2193"; }
th:first-child, td:first-child { width: 100%; padding-left: 1.5rem; text-align: left; }
td { color: var(--muted); font-size: 0.9375rem; }
td:first-child { position: relative; }
td a { font-family: var(--mono); overflow-wrap: anywhere; text-decoration: none; white-space: pre-wrap; }
tr:hover td { background: var(--panel); }
tr:hover td a { text-decoration: underline; }
.directory a { font-weight: 600; }
.directory::before { content: ""; position: absolute; top: 0.8rem; left: 0.35rem; width: 0.6rem; height: 0.7rem;
  background: var(--kernel); clip-path: polygon(0 0, 100% 50%, 0 100%); forced-color-adjust: none; }
.up::before { clip-path: polygon(100% 0, 0 50%, 100% 100%); }
p { margin: 1rem 0 0; color: var(--muted); font-size: 0.9375rem; }
.more { color: var(--kernel); font-weight: 600; }
@media (max-width: 36rem) { th, td { padding-left: 0.9rem; } th:last-child, time { white-space: normal; }
  time { display: inline-block; width: 10ch; } }
@media print { :root { color-scheme: light; --ground: #fff; --ink: #000; --muted: #444; --user: #000;
  --kernel: #8a5300; --rule: #bbb; }
  tr { break-inside: avoid; } .up, [aria-sort] a::after { display: none; } }
`;

/** The names on the page are not trusted: no scripts, no requests, and no style but the one above. */
export const LISTING_CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Whether a name is listed: those with a leading dot are neither listed nor served. */
export const isListed = (name: Buffer): boolean => name.length > 0 && name[0] !== 0x2e;

/** Parses `sort=name|size|time` and `order=asc|desc` of a query, with or without its `?`. By name for anything else. */
export function parseOrder(query: string): ListingOrder {
  const parameters = new URLSearchParams(query);
  const sort = parameters.get('sort');
  return { sort: sort === 'size' || sort === 'time' ? sort : 'name', descending: parameters.get('order') === 'desc' };
}

const STEP_ROWS = 250;

/**
 * The listing as a self-contained page, in UTF-8. Send it with LISTING_CSP.
 * @param entries in the order of their names, as for JSON
 * @returns its steps; each yields how many rows it was about
 */
export function* renderHtml(
  entries: readonly ListingEntry[],
  options: ListingOptions,
): Generator<number, Buffer, void> {
  const rows = sorted(entries, options);
  const { path, truncation } = options;
  const directories = rows.filter((row) => row.isDirectory).length;
  const lines: string[] = [];
  for (const row of rows) if (lines.push(htmlRow(rowOf(row))) % STEP_ROWS === 0) yield STEP_ROWS;
  if (/[^/]/.test(path)) lines.unshift('<tr><td colspan="3" class="directory up"><a href="../">../</a></td></tr>');
  const more = truncation === null ? '' : `\n<p class="more">${truncationNotice(truncation)}</p>`;
  return Buffer.from(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Index of ${shown(path)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1><i>Index of</i> ${breadcrumbs(path)}</h1>
<table>
<thead>
<tr>${columnHead('name', 'Name', options)}${columnHead('size', 'Size', options)}${columnHead('time', 'Modified (UTC)', options)}</tr>
</thead>
<tbody>
${lines.join('\n')}
</tbody>
</table>
<p>${counted(directories, 'directory', 'directories')}, ${counted(rows.length - directories, 'file', 'files')}</p>${more}
</main>
</body>
</html>
`);
}

/**
 * The listing as an array of `{ name, type, size, modified, url }`, in the same order as the page. `type` is `file` or
 * `directory`. `url` is relative to the directory and has the bytes of the name, which `name` lacks when they are not UTF-8.
 * The size of a directory and a time beyond a calendar of four digits are null.
 */
export function renderJson(entries: readonly ListingEntry[], options: ListingOptions): Buffer {
  const items = sorted(entries, options)
    .map((entry) => rowOf(entry))
    .map(({ text, isDirectory, size, modifiedMs, url }) => ({
      name: text,
      type: isDirectory ? 'directory' : 'file',
      size: isDirectory ? null : size,
      modified: isoTime(modifiedMs),
      url,
    }));
  return Buffer.from(`${JSON.stringify(items)}\n`);
}

function sorted(entries: readonly ListingEntry[], { sort, descending }: ListingOrder): ListingEntry[] {
  const rows = entries.filter(({ name }) => isListed(name));
  const sign = descending ? -1 : 1;
  // The sort is stable: ties stay in the order of their names.
  if (sort === 'size') return rows.sort((one, other) => sign * (sizeOf(one) - sizeOf(other)));
  if (sort === 'time') return rows.sort((one, other) => sign * (timeOf(one) - timeOf(other)));
  if (descending) rows.reverse();
  return [...rows.filter(({ isDirectory }) => isDirectory), ...rows.filter(({ isDirectory }) => !isDirectory)];
}

function rowOf(entry: ListingEntry): Row {
  const path = directoryUrlPath(entry.name);
  // The dot keeps a name with a colon from being parsed as a scheme, RFC 3986 section 4.2.
  return { ...entry, text: entry.name.toString(), url: `.${entry.isDirectory ? path : path.slice(0, -1)}` };
}

/** Directories have no size worth showing, and sort before the smallest file. */
const sizeOf = ({ isDirectory, size }: ListingEntry): number => (isDirectory ? -1 : size);

const timeOf = ({ modifiedMs }: ListingEntry): number =>
  Number.isNaN(modifiedMs) ? Number.MIN_SAFE_INTEGER : modifiedMs;

function htmlRow({ text, isDirectory, size, modifiedMs, url }: Row): string {
  const name = `<a href="${escaped(url)}"><bdi>${shown(text)}</bdi>${isDirectory ? '/' : ''}</a>`;
  const amount = isDirectory ? '–' : `<span title="${grouped(size)} bytes">${formatSize(size)}</span>`;
  const iso = isoTime(modifiedMs);
  const time = iso === null ? '–' : `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)}</time>`;
  return `<tr><td${isDirectory ? ' class="directory"' : ''}>${name}</td><td>${amount}</td><td>${time}</td></tr>`;
}

/** The path with a link at each directory above, as `../` steps, which need no names. */
function breadcrumbs(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  const crumbs = segments.map((segment, i) => {
    const up = segments.length - 1 - i;
    const name = `<bdi>${shown(segment)}</bdi>`;
    return `${up === 0 ? `<span aria-current="page">${name}</span>` : `<a href="${'../'.repeat(up)}">${name}</a>`}/`;
  });
  return `${segments.length === 0 ? '/' : `<a href="${'../'.repeat(segments.length)}">/</a>`}${crumbs.join('')}`;
}

/** A column head that sorts by its column, or reverses the order if it is sorted so. The biggest and newest come first. */
function columnHead(sort: ListingOrder['sort'], label: string, current: ListingOrder): string {
  const sorted = sort === current.sort;
  const descends = sorted ? !current.descending : sort !== 'name';
  const state = sorted ? ` aria-sort="${current.descending ? 'descending' : 'ascending'}"` : '';
  return `<th scope="col"${state}><a href="?sort=${sort}&amp;order=${descends ? 'desc' : 'asc'}">${label}</a></th>`;
}

function truncationNotice({ scanned, names, hasMore }: Truncation): string {
  const which = hasMore ? 'that were read: the directory has more' : 'in the directory';
  return `Only the first ${grouped(scanned)} by name are listed, of ${grouped(names)} ${which}.`;
}

const SIZE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let unit = 0;
  let value = bytes / 1024;
  // A little less than a MiB would be rounded to 1024 KiB.
  while (value >= 1023.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${SIZE_UNITS[unit]}`;
}

/** To the millisecond. Null if the year has more than four digits. */
function isoTime(modifiedMs: number): string | null {
  const date = new Date(modifiedMs);
  const year = date.getUTCFullYear();
  return year >= 0 && year <= 9999 ? date.toISOString() : null;
}

const counted = (count: number, one: string, many: string): string => `${grouped(count)} ${count === 1 ? one : many}`;

/** Thousands with commas. Intl would load its data, which takes 30 ms. */
const grouped = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);

/** A name for display: bidirectional controls could make it show another extension than it has. */
const shown = (name: string): string => escaped(name.replace(/\p{Bidi_Control}/gu, '\ufffd'));

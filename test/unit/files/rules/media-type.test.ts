import { describe, expect, test } from 'vitest';
import { isCompressible, mediaTypeOf } from '../../../../src/files/rules/media-type.js';

test.each([
  ['index.html', 'text/html; charset=utf-8'],
  ['a.htm', 'text/html; charset=utf-8'],
  ['a.css', 'text/css; charset=utf-8'],
  ['a.js', 'text/javascript; charset=utf-8'],
  ['a.mjs', 'text/javascript; charset=utf-8'],
  ['a.json', 'application/json; charset=utf-8'],
  ['a.jsonld', 'application/ld+json'],
  ['a.js.map', 'application/json; charset=utf-8'],
  ['a.txt', 'text/plain; charset=utf-8'],
  ['a.md', 'text/markdown; charset=utf-8'],
  ['a.wasm', 'application/wasm'],
  ['a.webmanifest', 'application/manifest+json; charset=utf-8'],
  ['a.svg', 'image/svg+xml'],
  ['a.png', 'image/png'],
  ['a.jpg', 'image/jpeg'],
  ['a.jpeg', 'image/jpeg'],
  ['a.gif', 'image/gif'],
  ['a.webp', 'image/webp'],
  ['a.avif', 'image/avif'],
  ['a.jxl', 'image/jxl'],
  ['a.ico', 'image/vnd.microsoft.icon'],
  ['a.woff2', 'font/woff2'],
  ['a.pdf', 'application/pdf'],
  ['a.mp4', 'video/mp4'],
  ['a.mp3', 'audio/mpeg'],
  ['a.xml', 'application/xml'],
  ['a.zip', 'application/zip'],
  ['A.HTML', 'text/html; charset=utf-8'],
  ['a.Css', 'text/css; charset=utf-8'],
  ['directory.css/a.html', 'text/html; charset=utf-8'],
  ['a.html.css', 'text/css; charset=utf-8'],
  // unknown
  ['README', 'application/octet-stream'],
  ['directory.html/README', 'application/octet-stream'],
  ['a.', 'application/octet-stream'],
  ['a.unknown-extension', 'application/octet-stream'],
  ['a.ht ml', 'application/octet-stream'],
  ['a.constructor', 'application/octet-stream'],
  ['a.__proto__', 'application/octet-stream'],
  ['a.toString', 'application/octet-stream'],
  ['a.\xff', 'application/octet-stream'],
  ['', 'application/octet-stream'],
])('%j is %s', (name, type) => {
  const bytes = Buffer.from(name, 'latin1');
  expect(mediaTypeOf(bytes)).toBe(type);
  const within = Buffer.concat([Buffer.from('xx'), bytes]).subarray(2);
  expect(mediaTypeOf(within)).toBe(type);
});

test('the number of cached extensions is limited', () => {
  for (let i = 0; i < 3000; i++) expect(mediaTypeOf(Buffer.from(`a.none${i}`))).toBe('application/octet-stream');
  expect(mediaTypeOf(Buffer.from('a.html'))).toBe('text/html; charset=utf-8');
});

describe('isCompressible', () => {
  test.each([
    'text/html',
    'text/html; charset=utf-8',
    'TEXT/HTML;charset=utf-8',
    ' text/plain ',
    'text/css',
    'text/csv',
    'text/javascript; charset=utf-8',
    'text/x-something-new',
    'application/javascript',
    'application/node',
    'application/json; charset=utf-8',
    'application/ld+json',
    'application/x-new+json',
    'application/manifest+json',
    'application/xml',
    'application/rss+xml',
    'application/xhtml+xml',
    'application/wasm',
    'application/sql',
    'application/toml',
    'image/svg+xml',
    'image/x-icon',
    'image/vnd.microsoft.icon',
    'image/bmp',
    'font/ttf',
    'font/otf',
    'font/collection',
    'application/vnd.ms-fontobject',
  ])('%s', (type) => expect(isCompressible(type)).toBe(true));

  test.each([
    '',
    ';',
    'text',
    'image/png',
    'image/jpeg',
    'image/webp',
    'image/avif',
    'font/woff',
    'font/woff2',
    'video/mp4',
    'audio/mpeg',
    'application/zip',
    'application/gzip',
    'application/pdf',
    'application/octet-stream',
    'application/x-new',
    'application/json+x',
    'constructor',
    '__proto__',
  ])('not %j', (type) => expect(isCompressible(type)).toBe(false));
});

import { gzipSync } from 'node:zlib';
import { servingFiles } from '../../support/rows.js';

/** The rows check headers and that the bytes are those of the file, so that any bytes do. */
const serving = servingFiles({
  'map.svgz': 'packed drawing',
  'map.svgz.br': 'packed twice',
  'map.svg': '<svg/>',
  'Build/game.wasm.br': 'packed wasm',
  'Build/game.framework.js.gz': gzipSync('js'.repeat(2000)).toString('latin1'),
  'Build/game.data.br': 'packed data',
  'Build/game.symbols.json.gz': 'packed json',
  'Build/page.html.zst': 'packed page',
  'Build/plain.js': 'plain();',
  'Build/plain.js.br': 'packed plain',
  'backup.tar.gz': 'archive',
  'other.js.br': 'packed other',
});

const GZIP = { 'Content-Encoding': 'gzip', Vary: null, 'Accept-Ranges': 'bytes' };
const BR = { ...GZIP, 'Content-Encoding': 'br' };
const SVG = { ...GZIP, 'Content-Type': 'image/svg+xml' };
const AS_IT_IS = { 'Content-Encoding': null, 'Content-Type': /^application\/(?:gzip|octet-stream)$/ };

serving('a file that is stored in a coding by its format', { compress: true }, [
  ['GET /map.svgz', [], 200, SVG, 'packed drawing'],
  // There is nothing else, and no browser lacks gzip: RFC 9110 section 12.5.3 leaves it to the server.
  ['GET /map.svgz', ['Accept-Encoding: br'], 200, SVG, 'packed drawing'],
  ['GET /map.svgz', ['Accept-Encoding: identity'], 200, SVG, 'packed drawing'],
  ['GET /map.svgz', ['Range: bytes=0-5'], 206, { ...SVG, 'Content-Range': 'bytes 0-5/14' }, 'packed'],
  ['GET /map.svgz', ['If-None-Match: *'], 304, { 'Content-Encoding': null, 'Content-Type': null }],
  ['GET /map.svgz', ['If-Match: "x"'], 412, { 'Content-Encoding': null, 'Content-Type': 'text/plain; charset=utf-8' }],
  ['GET /map.svg', [], 200, { 'Content-Encoding': null, 'Content-Type': 'image/svg+xml' }, '<svg/>'],
  ['GET /Build/game.wasm.br', [], 200, AS_IT_IS, 'packed wasm'],
]);

serving(
  'files that are declared to be stored in a coding',
  { encodedFiles: ['/Build/*'], compress: true, cacheControl: [{ match: '*.br', value: 'max-age=7' }] },
  [
    [
      'GET /Build/game.wasm.br',
      ['Accept-Encoding: gzip, br'],
      200,
      { ...BR, 'Content-Type': 'application/wasm', 'Cache-Control': 'max-age=7' },
      'packed wasm',
    ],
    ['GET /Build/game.framework.js.gz', ['Accept-Encoding: br'], 200, { ...GZIP, 'Content-Type': /^text\/javascript/ }],
    ['GET /Build/game.data.br', [], 200, { ...BR, 'Content-Type': 'application/octet-stream' }],
    ['GET /Build/game.symbols.json.gz', [], 200, { ...GZIP, 'Content-Type': /^application\/json/ }],
    ['GET /Build/page.html.zst', [], 200, { 'Content-Encoding': 'zstd', 'Content-Type': 'text/html; charset=utf-8' }],
    // A precompressed file stays one.
    ['GET /Build/plain.js', ['Accept-Encoding: br'], 200, { ...BR, Vary: 'Accept-Encoding' }, 'packed plain'],
    ['GET /Build/plain.js', [], 200, { 'Content-Encoding': null }, 'plain();'],
    ['GET /backup.tar.gz', [], 200, AS_IT_IS, 'archive'],
    ['GET /other.js.br', [], 200, AS_IT_IS, 'packed other'],
  ],
);

serving('a declared archive is sent as what is in it', { encodedFiles: ['*.tar.gz'] }, [
  ['GET /backup.tar.gz', [], 200, { ...GZIP, 'Content-Type': 'application/x-tar' }, 'archive'],
]);

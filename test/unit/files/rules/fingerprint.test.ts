import { describe, expect, test } from 'vitest';
import { isFingerprinted, mayBeFingerprinted } from '../../../../src/files/rules/fingerprint.js';
import { below, random } from '../../../support/random.js';

const HASHED: [name: string, maker: string][] = [
  ['app.3f2a9c1b.js', 'webpack'],
  ['main.3f2a9c1b5d6e7f80a1b2.js', 'webpack contenthash'],
  ['main.3f2a9c1b.chunk.js', 'create-react-app'],
  ['main.3f2a9c1b.chunk.js.map', 'create-react-app'],
  ['main.3f2a9c1b.js.LICENSE.txt', 'webpack'],
  ['vendors~main.3f2a9c1b.css', 'webpack'],
  ['3f2a9c1b5d6e7f80a1b2.png', 'webpack assets'],
  ['index-BXq3kZ9a.css', 'Vite'],
  ['index-BXq3kZ9a.js.map', 'Vite'],
  ['index-B41z0AuW.js', 'Vite'],
  ['index-Chj8NDwU.js', 'Vite'],
  ['index-w2ILr1dG.js', 'Vite'],
  ['index-DAaHLpsq.js', 'Vite'],
  ['index-CTzCuANN.js', 'Vite'],
  ['index-DM_a9rWm.js', 'Vite, with _'],
  ['index-M-eT3tNZ.js', 'Vite, with -'],
  ['index-CTzCuAN1.js', 'Vite, with a number at its end'],
  ['my-long-name-BQxk4mNX.woff2', 'Vite'],
  ['about.CkN3eB4a.css', 'Astro'],
  ['start.BXq3kZ9a.js', 'SvelteKit'],
  ['chunk-2JQHRBMX.js', 'esbuild'],
  ['main-5HGGQ5XU.js', 'Angular'],
  ['styles.ef46db3751d8e999.css', 'Angular before'],
  ['index.8a8e2f1c.css', 'Parcel'],
  ['logo.6a8e2f1c.svg', 'Parcel'],
  ['0a1b2c3d4e5f6a7b.css', 'Next.js'],
  ['index-a1b2c3d4e5f6a7b8.js', 'Next.js'],
  ['component---src-pages-index-js-3f2a9c1b5d6e7f80a1b2.js', 'Gatsby'],
  ['main.min.d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592.css', 'Hugo'],
  ['application-d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592.js', 'Sprockets'],
  ['app-1a2b3c4d.js', 'Propshaft'],
  ['base.27e20196a850.css', 'Django'],
  ['yew-app-5d2a6ec9c4a4d3d7_bg.wasm', 'Trunk'],
  ['FiraSans-Medium-e1aa3f0a.woff2', 'mdBook'],
  ['clipboard-1626706a.min.js', 'mdBook'],
  ['app_3F2A9C1B.js', 'capital hex'],
  ['/assets/deep/app.3f2a9c1b.js', 'a path'],
  ['guide_index.md.CkN3eB4a.lean.js', 'VitePress'],
  ['runtime~main.3f2a9c1b.iframe.bundle.js', 'Storybook'],
  ['a34f9d1faa5f3315-s.p.woff2', 'next/font, preloaded'],
  ['e4af272ccee01ff0-s.woff2', 'next/font'],
  ['index-4hqdb0xy.js', 'Bun'],
  ['index-3qw5kz7p.js.map', 'Bun'],
];

const NOT_HASHED: [name: string, why: string][] = [
  ['', 'nothing'],
  ['app.js', 'no token'],
  ['index.html', 'no token'],
  ['jquery-migration.js', 'a word'],
  ['app-component.js', 'a word'],
  ['my.deadbeef.js', 'letters only'],
  ['feedback-defaced.js', 'a word in hex letters'],
  ['report-20240131.pdf', 'a date'],
  ['report-20240131b.pdf', 'a date'],
  ['log.20240131T120000.txt', 'a date and a time'],
  ['backup-20240131a1b2.tar', 'begins with a date'],
  ['report-12345678.pdf', 'digits only'],
  ['invoice_000012345678.pdf', 'digits only'],
  ['jquery-3.7.1.min.js', 'a version'],
  ['bootstrap-5.3.3.bundle.min.js', 'a version'],
  ['app-v1.20.300.js', 'a version'],
  ['app.3f2a9c1.js', 'seven characters'],
  ['app.3f2a9c1b', 'an extension'],
  ['3f2a9c1b.js', 'a whole name, short'],
  ['cafe2024.html', 'a whole name, short'],
  ['menu-cafe2024.html', 'a word and a number'],
  ['image-1920x1080.png', 'a size'],
  ['favicon-196x196.png', 'a size'],
  ['photo-IMG20240131.jpg', 'a word and a number'],
  ['photo-IMG_1234.jpg', 'a word and a number'],
  ['song-CHAPTER2.mp3', 'a word and a number'],
  ['release-VERSION2.txt', 'a word and a number'],
  ['file-download2.txt', 'a word and a number'],
  ['lib-AppComponent.js', 'words'],
  ['lib.jQueryPlugin.js', 'words'],
  ['ui-DataGrid.js', 'words of eight letters'],
  ['ui-MyButton.css', 'words of eight letters'],
  ['phone-iPhoneXR.png', 'words of eight letters'],
  ['struct.BTreeMap.js', 'words of eight letters'],
  ['struct.Ipv4Addr.js', 'words of eight letters'],
  ['x-Foo-Bar1.js', 'words'],
  ['lang-JavaScript.js', 'words'],
  ['a-OPENSOURCE.txt', 'capitals'],
  ['README-LICENSES.md', 'capitals'],
  ['app-3f2a9c1b/index.js', 'a directory'],
  ['kebab-case-and-snake_case-name.css', 'words'],
  ['roboto-v20-latin-regular.woff2', 'words'],
  ['.3f2a9c1b', 'hidden'],
  ['setup-Win10x64.exe', 'a system'],
  ['setup-Win10x64.png', 'a system'],
  ['report-FY23Q4v2.pdf', 'a quarter and a version'],
  ['report-FY23Q4v2.json', 'a quarter and a version'],
  ['driver-x86AMD64.exe', 'architectures'],
  ['driver-x86AMD64.js', 'architectures'],
  ['film-720pBluRay.mkv', 'a resolution'],
  ['film-720pBluRay.jpg', 'a resolution'],
  ['video_1080pH264.mp4', 'a resolution and a codec'],
  ['video_1080pH264.webp', 'a resolution and a codec'],
  ['song_320kbpsMP3.mp3', 'a rate'],
  ['node-v20LTSx64.tar', 'a version'],
  ['sheet-Q3FY2024b.xlsx', 'a quarter'],
  ['chart-2DvsPie3D.png', 'words and numbers'],
  ['lib-WebGL2ES.js', 'words and a version'],
  ['lib-HTML5CSS.js', 'words and a number'],
  ['fact-face2face.jpg', 'words in hex letters'],
  ['menu-dead4bee.jpg', 'words in hex letters'],
  ['archive-BXq3kZ9a.zip', 'what no bundler emits'],
  ['archive-2JQHRBMX.tar', 'what no bundler emits'],
  ['codec-h264mp4a.webp', 'codecs'],
  ['codec-h264mp4a.tar', 'codecs'],
  ['arch-x86amd64.js', 'architectures'],
  ['tool-wat2wasm.js', 'words and a number'],
  ['tool-txt2tags.js', 'words and a number'],
  ['lib-base64js.js', 'words and a number'],
  ['face-s.p.woff2', 'no token'],
];

/** Names with a part that could be a hash by its length. */
const PERHAPS = [
  'index-DiwrgTda.js',
  'chunk-abcdefgh.js',
  'a_b-c_d-e-f.css',
  'getting-familiar.html',
  'x.12345678.min.js.map',
];
const SURELY_NOT = [
  'app.js',
  'app-v1.js',
  'my-short.js',
  'abcdefghijk.js',
  'x-abcdefgh',
  'dir-abcdefgh/app.js',
  '',
  'a-b c d e f.js',
];

/** Paths that only their place shows to be immutable. */
const IN_PLACE: [path: string, maker: string][] = [
  ['/_app/immutable/chunks/entry.js', 'SvelteKit'],
  ['/_app/immutable/nodes/0.w2ILr1dG.js', 'SvelteKit'],
  ['/docs/_app/immutable/assets/fira.woff2', 'SvelteKit below a prefix'],
  ['/_nuxt/BXq3kZ9a.js', 'Nuxt 3'],
  ['/_nuxt/3f2a9c1.js', 'Nuxt 2'],
  ['/_nuxt/builds/meta/0f8fad5b-d9cb-469f-a165-70867728950e.json', 'Nuxt'],
  ['/_astro/photo.w2ILrdGz_Z1abcde.webp', 'Astro'],
  ['/_next/static/chunks/app/layout.js', 'Next.js'],
  ['/_next/static/0a1b2c/_buildManifest.js', 'Next.js'],
  ['/_next/static/media/a34f9d1f-s.p.woff2', 'next/font'],
  ['/chunk-OVERVIEW.js', 'esbuild, letters alone'],
  ['/browser/main-ABCDEFGH.js', 'Angular'],
  ['/styles-PLAIN234.css.map', 'Angular'],
  ['/chunk-wards4me.css', 'Bun'],
  ['/Build/3f2a9c1b5d6e7f80a1b2c3d4e5f6a7b8.wasm.br', 'Unity'],
  ['/game/Build/3f2a9c1b5d6e7f80a1b2c3d4e5f6a7b8.framework.js.gz', 'Unity'],
  ['/Build/3f2a9c1b5d6e7f80a1b2c3d4e5f6a7b8.data.unityweb', 'Unity'],
  ['/Build/3f2a9c1b5d6e7f80a1b2c3d4e5f6a7b8.loader.js', 'Unity'],
  ['/build/q-abcdefgh.js', 'Qwik'],
  ['/_framework/System.Text.Json.0rbd1yq7ku.wasm', 'Blazor'],
];
const OUT_OF_PLACE: [path: string, why: string][] = [
  ['/_app/version.json', 'polled for new versions'],
  ['/_app/env.js', 'written at each start'],
  ['/_nuxt/builds/latest.json', 'names the current build'],
  ['/_nuxt/@vite/client.js', 'of the development server'],
  ['/_next/static/development/_buildManifest.js', 'of the development server'],
  ['/_next/data/about.json', 'data'],
  ['/my_astro/entry.js', 'another name'],
  ['/static/entry.js', 'a name of the site'],
  ['/assets/entry.js', 'a name of the site'],
  ['/page-OVERVIEW.js', 'another form'],
  ['/main-ABCDEFGH.png', 'another form'],
  ['/chunk-overview.js', 'another form'],
  ['/Build/Game.wasm.br', 'a plain name'],
  ['/Build/Game.loader.js', 'a plain name'],
  ['/build/q-manifest.json', 'a manifest'],
  ['/_framework/blazor.boot.json', 'a manifest'],
  ['/_framework/dotnet.js', 'a plain name'],
  ['/_framework/System.Collections.wasm', 'a plain name'],
];

describe('by its place, immutable is', () => {
  test.each(IN_PLACE)('%s (%s)', (path) => {
    expect(isFingerprinted(path)).toBe(true);
    expect(isFingerprinted(path.slice(1))).toBe(true);
    expect(mayBeFingerprinted(path)).toBe(true);
  });
  test.each(OUT_OF_PLACE)('not %s (%s)', (path) => expect(isFingerprinted(path)).toBe(false));
});

describe('a fingerprint is found in', () => {
  test.each(HASHED)('%s (%s)', (name) => expect(isFingerprinted(name)).toBe(true));
});

describe('no fingerprint is found in', () => {
  test.each(NOT_HASHED)('%s (%s)', (name) => expect(isFingerprinted(name)).toBe(false));
});

describe('a fingerprint is possible in', () => {
  test.each([...PERHAPS, ...HASHED.filter(([, maker]) => !/assets|Next|next/.test(maker)).map(([name]) => name)])(
    '%s',
    (name) => expect(mayBeFingerprinted(name)).toBe(true),
  );
  test.each(SURELY_NOT)('not in %s', (name) => expect(mayBeFingerprinted(name)).toBe(false));
});

test.each<[maker: string, first: string, others: string, atLeast: number]>([
  ['webpack', '0123456789abcdef', '0123456789abcdef', 0.92],
  ['Vite', 'BCD', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 0.88],
  ['esbuild', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 0.6],
  ['Bun', '0123456789abcdefghjkmnpqrstvwxyz', '0123456789abcdefghjkmnpqrstvwxyz', 0.45],
])('most of the hashes of %s are found', (_, first, others, atLeast) => {
  const next = random(8);
  const anyOf = (characters: string): string => characters[below(next, characters.length)]!;
  const names = Array.from({ length: 5000 }, () => {
    const rest = Array.from({ length: 7 }, () => anyOf(others)).join('');
    return `index-${anyOf(first)}${rest}.js`;
  });
  expect(names.filter(isFingerprinted).length / names.length).toBeGreaterThan(atLeast);
  expect(names.filter(mayBeFingerprinted)).toHaveLength(names.length);
});

test('a long name is checked in linear time', () => {
  const startedMs = performance.now();
  for (const unit of ['a', 'A', '-', '.', '_', 'aB', 'a1', '.js', '.chunk', '_bg', '-aB1_'])
    for (const end of ['', '.js', '!', '.!']) {
      const name = `x-${unit.repeat(Math.ceil(4096 / unit.length))}${end}`;
      expect([isFingerprinted(name), mayBeFingerprinted(name)]).toHaveLength(2);
    }
  expect(performance.now() - startedMs).toBeLessThan(2000);
});

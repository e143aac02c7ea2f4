import { describe, expect, test } from 'vitest';
import { looksLikeAsset } from '../../../../src/files/pages/asset-name.js';

const ASSETS = `app.js app.mjs app.cjs main.3f2a9c1b.js app.min.js app.js.map style.css style.css.map module.wasm font.woff
  font.woff2 font.ttf font.otf font.eot data.json data.jsonld data.jsonl data.geojson app.webmanifest manifest.json sw.js
  logo.png logo@2x.png photo.jpg photo.jpeg photo.webp photo.avif icon.ico icon.svg cursor.cur film.mp4 film.webm
  film.mov live.m3u8 live.m4s seg.ts song.mp3 song.ogg text.vtt scene.glb paper.pdf book.epub archive.zip archive.7z
  archive.gz sheet.csv feed.xml feed.rss robots.txt readme.md page.html page.htm page.xhtml install.sh app.apk App.JS
  LOGO.Png Main.tsx view.vue view.svelte lib.ts react@18.2.0.js app.js.br app.css.gz app.json.zst index.php wp-login.php
  old.aspx old.jsp run.cgi prod.env config.bak index.html.bak index.html.swp yarn.lock a/b.c/app.js 2.0/app.js`;

const NO_ASSETS = `about v9.9 v2.0.1 v1.2.3-beta v1.2.3-rc.1 v1.x 2024.12.31 1.123 release-2.0b john.doe john.q.public a@b.com
  a@b.co.uk me@example.org me@example.io me@example.me me@example.ai example.com www.example.de example.xyz 3.14
  192.168.0.1 Mr.Smith St.John etc. etc.. .. a.b.c.d node.js/docs app.js/users a.html/b v1.2/users hello.world
  file.unheard-of a.constructor a.__proto__ a.toString a.hasOwnProperty a.%20 a.js~ c# a.\xff`;

const wordsOf = (text: string): string[] => text.split(/\s+/);

describe('a name that ends', () => {
  test.each(wordsOf(ASSETS))('%s is an asset', (name) =>
    expect(looksLikeAsset(Buffer.from(name, 'latin1'))).toBe(true),
  );
  test.each(wordsOf(NO_ASSETS))('%s may be a page', (name) =>
    expect(looksLikeAsset(Buffer.from(name, 'latin1'))).toBe(false),
  );
  test('without an extension may be a page', () => {
    for (const name of ['', 'with blank.of two', 'a. js']) expect(looksLikeAsset(Buffer.from(name))).toBe(false);
  });
});

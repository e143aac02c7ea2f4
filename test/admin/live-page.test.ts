import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AdminDoor } from '../../src/admin/door.js';
import { serve } from '../../src/index.js';
import { Browser, browserName } from '../support/browser.js';
import { PACKAGE } from '../support/command.js';
import { needs } from '../support/needs.js';
import { exchange, request } from '../support/raw-client.js';

/** Keeps screenshots for inspection. */
const PICTURES = process.env['LIVE_PICTURES'];
const BROWSER_MS = 60_000;
const hasBrowser = needs(browserName !== undefined, 'the live view in a browser', 'chromium is not installed');

const numberIn = (cell: string): string => `Number(${cell}.textContent.replaceAll(',', ''))`;
const shown = (id: string): string => numberIn(`document.getElementById('${id}')`);
const linePath = `document.querySelector('svg[data-of=requests] path').getAttribute('d')`;
/** Waits until it is so. */
const until = (condition: string): string =>
  `new Promise((resolve) => { const look = () => (${condition}) ? resolve(true) : setTimeout(look, 50); look(); })`;

let browser: Browser;
beforeAll(async () => {
  if (hasBrowser) browser = await Browser.open('about:blank');
}, BROWSER_MS);
afterAll(() => browser?.[Symbol.asyncDispose]());

test.runIf(hasBrowser).each([
  [1, {}, 'Ready · 1 worker · level-triggered'],
  [2, { workers: 2, trigger: 'edge' }, 'Ready · 2 workers · edge-triggered'],
] as const)(
  'the live view of %d shows the load in numbers that move, without an error, and requests nothing from elsewhere',
  async (workers, options, state) => {
    await using server = serve({ root: `${PACKAGE}html`, port: 0, admin: '127.0.0.1:0', ...options });
    if ('ready' in server) await server.ready;
    const { url } = server.companion as AdminDoor;
    const { port } = server;
    await browser.load(url.href);
    let isLoaded = true;
    const load = (async () => {
      while (isLoaded) await exchange(port, request('/')); // a connection each, so that all workers get some
    })();
    try {
      await browser.evaluate(until(`${shown('requests')} > 0`));
      const first = await browser.evaluate(linePath);
      await browser.evaluate(until(`${linePath} !== ${JSON.stringify(first)}`));
      expect(await browser.evaluate(`document.getElementById('state').textContent`)).toBe(state);
      expect(await browser.evaluate(shown('eventsATurn'))).toBeGreaterThan(0);
      expect(await browser.evaluate(`document.getElementById('workers').rows.length`)).toBe(workers);
      const rows = `[...document.getElementById('workers').rows]`;
      await browser.evaluate(until(`${rows}.every((row) => ${numberIn('row.cells[1]')} > 0)`));
      for (const [width, scheme] of [
        [1280, 'light'],
        [1280, 'dark'],
        [390, 'light'],
      ] as const) {
        await browser.emulate(width, 900, scheme);
        expect(await browser.evaluate('document.documentElement.scrollWidth'), `${width}`).toBeLessThanOrEqual(width);
        if (PICTURES) {
          mkdirSync(PICTURES, { recursive: true });
          writeFileSync(join(PICTURES, `live-${workers}-${width}-${scheme}.png`), await browser.screenshot());
        }
      }
      await browser.evaluate(`document.getElementById('pause').click()`);
      await browser.evaluate(until(`document.getElementById('state').textContent.endsWith('paused')`));
    } finally {
      isLoaded = false;
      await load;
    }
    expect(browser.errors).toEqual([]);
    expect(browser.requests.filter((each) => !each.startsWith(url.href) && !each.startsWith('data:'))).toEqual([]);
    await browser.load('about:blank'); // a page whose server ends logs errors
  },
  BROWSER_MS,
);

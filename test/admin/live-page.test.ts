import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AdminDoor } from '../../src/admin/door.js';
import { serve } from '../../src/index.js';
import { Browser, browserName } from '../support/browser.js';
import { PACKAGE } from '../support/command.js';
import { needs } from '../support/needs.js';

/** Keeps screenshots for inspection. */
const PICTURES = process.env['LIVE_PICTURES'];
const BROWSER_MS = 60_000;
const numberOf = (id: string): string => `Number(document.getElementById('${id}').textContent.replaceAll(',', ''))`;

test.runIf(needs(browserName !== undefined, 'the live view in a browser', 'chromium is not installed'))(
  'the live view shows the load in numbers that move, without an error, and requests nothing from elsewhere',
  async () => {
    await using server = serve({ root: `${PACKAGE}html`, port: 0, admin: '127.0.0.1:0' });
    const { url } = server.companion as AdminDoor;
    await using browser = await Browser.open(url.href);
    let isLoaded = true;
    const load = (async () => {
      while (isLoaded) await (await fetch(server.url)).arrayBuffer();
    })();
    try {
      const seen = (id: string): string =>
        `new Promise((resolve) => { const look = () => ${numberOf(id)} > 0 ? resolve(${numberOf(id)}) : setTimeout(look, 50); look(); })`;
      expect(await browser.evaluate(seen('requests'))).toBeGreaterThan(0);
      const first = await browser.evaluate(`document.querySelector('svg[data-of=requests] path').getAttribute('d')`);
      const moved = `new Promise((resolve) => { const look = () => { const d = document.querySelector('svg[data-of=requests] path').getAttribute('d'); d !== ${JSON.stringify(first)} ? resolve(true) : setTimeout(look, 50); }; look(); })`;
      expect(await browser.evaluate(moved)).toBe(true);
      expect(await browser.evaluate(`document.getElementById('state').textContent`)).toBe(
        'Ready · 1 worker · level-triggered',
      );
      expect(await browser.evaluate(`document.getElementById('workers').rows.length`)).toBe(1);
      expect(await browser.evaluate(numberOf('eventsATurn'))).toBeGreaterThan(0);
      for (const [width, scheme] of [
        [1280, 'light'],
        [1280, 'dark'],
        [390, 'light'],
      ] as const) {
        await browser.emulate(width, 900, scheme);
        expect(await browser.evaluate('document.documentElement.scrollWidth'), `${width}`).toBeLessThanOrEqual(width);
        if (PICTURES) {
          mkdirSync(PICTURES, { recursive: true });
          writeFileSync(join(PICTURES, `live-${width}-${scheme}.png`), await browser.screenshot());
        }
      }
    } finally {
      isLoaded = false;
      await load;
    }
    expect(browser.errors).toEqual([]);
    expect(browser.requests.filter((each) => !each.startsWith(url.href) && !each.startsWith('data:'))).toEqual([]);
  },
  BROWSER_MS,
);

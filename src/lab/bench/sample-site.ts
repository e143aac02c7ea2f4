import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What most pages that matter for speed are like: small. Its length is fixed so that figures can be compared. */
const PAGE_BYTES = 600;

/** The folder that the models serve, with one page. */
export class Site implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'epollet-lab-site-'));
  readonly page: Buffer;

  constructor() {
    const begin = '<!doctype html>\n<html lang="en"><title>A page</title><p>';
    const end = '</p></html>\n';
    this.page = Buffer.from(begin + 'x'.repeat(PAGE_BYTES - begin.length - end.length) + end);
    writeFileSync(join(this.directory, 'index.html'), this.page);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

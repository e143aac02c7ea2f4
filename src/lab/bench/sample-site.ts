import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Small, like most pages whose speed matters; a fixed size makes results comparable. */
const PAGE_BYTES = 600;

/** The directory that the models serve: one page. */
export class SampleSite implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'epollet-lab-site-'));
  readonly page: Buffer;

  constructor() {
    const start = '<!doctype html>\n<html lang="en"><title>A page</title><p>';
    const end = '</p></html>\n';
    this.page = Buffer.from(start + 'x'.repeat(PAGE_BYTES - start.length - end.length) + end);
    writeFileSync(join(this.directory, 'index.html'), this.page);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

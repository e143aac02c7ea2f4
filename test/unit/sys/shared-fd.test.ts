import { AssertionError } from 'node:assert';
import { readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SharedFd } from '../../../src/sys/shared-fd.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();

/** A shared descriptor of a pipe, and the descriptors that were closed. */
function shared() {
  const closed: number[] = [];
  const kernel = kernelWith({ close: (fd) => closed.push(fd) - 1 });
  const [fd] = test.pipe();
  return { kernel, closed, fd, file: new SharedFd(fd) };
}

describe('a shared descriptor', () => {
  it.each([1, 2, 5])('with %i references is closed by the last release', (references) => {
    const { kernel, closed, fd, file } = shared();
    for (let reference = 1; reference < references; reference++) expect(file.retain()).toBe(file);
    for (let reference = 1; reference < references; reference++) file.release(kernel);
    expect([closed, file.fd]).toEqual([[], fd]);
    file.release(kernel);
    expect(closed).toEqual([fd]);
  });

  it('stays open while references come and go', () => {
    const { kernel, closed, fd, file } = shared();
    for (let i = 0; i < 100; i++) {
      file.retain();
      file.release(kernel);
    }
    expect([closed, readlinkSync(`/proc/self/fd/${fd}`)]).toEqual([[], expect.stringMatching(/^pipe:/)]);
    file.release(kernel);
  });

  it('that is closed rejects retain and release, and is not closed again', () => {
    const { kernel, closed, fd, file } = shared();
    file.release(kernel);
    expect(() => file.retain()).toThrow(AssertionError);
    expect(() => file.release(kernel)).toThrow(AssertionError);
    expect(closed).toEqual([fd]);
  });
});

import { AssertionError } from 'node:assert';
import { readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SharedFd } from '../../../src/sys/shared-fd.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();

/** A shared descriptor of a pipe, and which descriptors were closed. */
function shared() {
  const closed: number[] = [];
  const kernel = kernelWith({ close: (fd) => closed.push(fd) - 1 });
  const [fd] = test.pipe();
  return { kernel, closed, fd, file: new SharedFd(fd) };
}

describe('a shared descriptor', () => {
  it.each([1, 2, 5])('with %i users is closed when the last lets go', (users) => {
    const { kernel, closed, fd, file } = shared();
    for (let user = 1; user < users; user++) expect(file.retain()).toBe(file);
    for (let user = 1; user < users; user++) file.release(kernel);
    expect([closed, file.fd]).toEqual([[], fd]);
    file.release(kernel);
    expect(closed).toEqual([fd]);
  });

  it('may change hands without being closed', () => {
    const { kernel, closed, fd, file } = shared();
    for (let hands = 0; hands < 100; hands++) {
      file.retain();
      file.release(kernel);
    }
    expect([closed, readlinkSync(`/proc/self/fd/${fd}`)]).toEqual([[], expect.stringMatching(/^pipe:/)]);
    file.release(kernel);
  });

  it('that is closed has no users any more, and is not closed again: its number may be another’s', () => {
    const { kernel, closed, fd, file } = shared();
    file.release(kernel);
    expect(() => file.retain()).toThrow(AssertionError);
    expect(() => file.release(kernel)).toThrow(AssertionError);
    expect(closed).toEqual([fd]);
  });
});

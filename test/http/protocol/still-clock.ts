import { kernel as realKernel } from '../../../src/sys/binding.js';
import { LOOP_NOW_MS } from '../../../src/sys/calls/loop.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { kernelWith } from '../../support/counting-kernel.js';

/** The real kernel with a monotonic clock that moves only when a test moves it. A turn, such as a request, notices that. */
export function stillClock(): { kernel: Kernel; advance(ms: number): void } {
  let nowMs = realKernel.monotonicMs();
  let times: Float64Array = new Float64Array(LOOP_NOW_MS + 1);
  const kernel = kernelWith({
    monotonicMs: () => nowMs,
    loopEnclose: (epfd, events, its, onTurn) => {
      times = its;
      return realKernel.loopEnclose(epfd, events, its, (count) => {
        times[LOOP_NOW_MS] = nowMs;
        onTurn(count);
      });
    },
    loopWait: () => {
      const count = realKernel.loopWait();
      times[LOOP_NOW_MS] = nowMs;
      return count;
    },
  });
  return {
    kernel,
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

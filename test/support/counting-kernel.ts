import { kernel as realKernel } from '../../src/sys/binding.js';
import type { Kernel } from '../../src/sys/kernel.js';

type Calls = { [name in keyof Kernel]: Kernel[name] };
export type Watcher = (args: readonly unknown[], result: unknown) => void;

/**
 * The real kernel with some calls replaced, and others watched: what is under test makes real system calls, and a test
 * sees or refuses the ones that it is about.
 */
export function kernelWith(
  replaced: Partial<Calls>,
  watched: { readonly [name in keyof Kernel]?: Watcher } = {},
): Kernel {
  const kernel: Record<string, unknown> = { ...realKernel, ...replaced };
  for (const [name, watch] of Object.entries(watched) as [keyof Kernel, Watcher][]) {
    const call = kernel[name] as (...args: unknown[]) => unknown;
    kernel[name] = (...args: unknown[]) => {
      const result = call(...args);
      watch(args, result);
      return result;
    };
  }
  return kernel as unknown as Kernel;
}

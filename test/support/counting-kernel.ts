import { kernel as realKernel } from '../../src/sys/binding.js';
import type { Kernel } from '../../src/sys/kernel.js';

type Calls = { [name in keyof Kernel]: Kernel[name] };
export type Observer = (args: readonly unknown[], result: unknown) => void;

/**
 * The real kernel with some calls replaced and others observed: the subject makes real system calls, and a test records
 * the ones that matter to it or makes them fail.
 */
export function kernelWith(
  replaced: Partial<Calls>,
  observed: { readonly [name in keyof Kernel]?: Observer } = {},
): Kernel {
  const kernel: Record<string, unknown> = { ...realKernel, ...replaced };
  for (const [name, observe] of Object.entries(observed) as [keyof Kernel, Observer][]) {
    const call = kernel[name] as (...args: unknown[]) => unknown;
    kernel[name] = (...args: unknown[]) => {
      const result = call(...args);
      observe(args, result);
      return result;
    };
  }
  return kernel as unknown as Kernel;
}

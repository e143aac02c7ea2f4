export interface Needs {
  symbols: { name: string; version: string }[];
  libraries: string[];
}
export const ARCHITECTURES: string[];
export const NEWEST_GLIBC: string;
export function prebuiltPath(arch: string): string;
export function prebuild(arch: string): Promise<string>;
export function needsOf(file: string): Needs;
export function faultsIn(needs: Needs): string[];

/**
 * Whether a test that needs a tool can run. If not, one line says what is skipped and why; where CI is set that is a
 * failure, so that nothing is skipped unseen.
 */
export function needs(has: boolean, what: string, why: string): boolean {
  if (!has && process.env['CI']) throw new Error(`${what} cannot be skipped in CI: ${why}`);
  return permits(has, what, why);
}

/** The same for what is no tool but a property of the machine or the user (IPv6, not being root): a line, no failure. */
export function permits(has: boolean, what: string, why: string): boolean {
  if (!has) process.stderr.write(`skipped: ${what}: ${why}\n`);
  return has;
}

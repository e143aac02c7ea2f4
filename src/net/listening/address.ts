const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** An address that bind(2) takes; it does not take one with a zone (`fe80::1%eth0`). */
export function isAddress(hostname: string): boolean {
  // node:net takes milliseconds to load, and most servers have one of these.
  if (hostname === '::' || IPV4.test(hostname)) return true;
  return process.getBuiltinModule('node:net').isIP(hostname) !== 0 && !hostname.includes('%');
}

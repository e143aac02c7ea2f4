/**
 * An http(s) URL for checks by `URL`, with the same outcome in every Node version. Of an ASCII host, browsers and Node 24
 * take labels with `xn--` as they are, as "domain to ASCII" of the URL standard has it; Node 20 and 22 decode them, and
 * reject those that are not Punycode. Without the second hyphen they are labels like others.
 */
export function checkableUrl(url: string): string {
  return url.replace(
    /^(https?:\/\/)([\x21-\x7e]+?)(?=[/?#]|$)/i,
    (_, scheme: string, authority: string) => scheme + authority.replace(/(?<![^.@])(xn-)-/gi, '$1'),
  );
}
